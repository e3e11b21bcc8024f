"""One experiment file (TOML) read into one frozen object: nothing else configures a run."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from pydantic import TypeAdapter, ValidationError

from training.decoder.config import POOLINGS, DecoderConfig
from training.distil.text import first_fault

Section = TypeVar("Section")


@dataclass(frozen=True)
class ModelConfig:
    """The shape of the encoder (`training.two_part`).

    `start` names the folders of checkpoints whose average training goes on from; without any, *p*
    starts as a copy of the base. `fusion` says how they are averaged (`training.fusion`): "mean",
    also where it is left out, or "delta". `distil_general` trains *g* as well, held to the base
    encoder by distillation, instead of keeping it frozen. `pooling` is that of *p*, the mean
    where none is named; with `cue_merging`, *p* binds the phrases of `training.cue_phrases`.
    `exclusion_weight` is the weight of texts that exclude something (`training.exclusion_gate`);
    where it is left out, all texts have the same weight. `exclusion_turn` is how far *p* of such a
    text is turned; it is fitted to all passages of the exclusions, which takes minutes, so that it
    is for a run without steps.
    """

    base: str
    shared_layers: int
    polarity_dimensions: int
    negation_weight: float
    max_seq_length: int
    start: list[str] = field(default_factory=list)
    distil_general: bool = False
    fusion: str | None = None
    pooling: str | None = None
    cue_merging: bool = False
    exclusion_weight: float | None = None
    exclusion_turn: float = 0.0


@dataclass(frozen=True)
class Share:
    """How much of a run one sort of row has: its share of the steps, and rows in a step.

    Where `latest` is not 0, only so many of the corpus's last rows are drawn: those that an encoder
    has not seen, or not as often as the ones before.
    """

    share: float
    rows: int
    latest: int = 0


@dataclass(frozen=True)
class Kind(Share):
    """How one kind of row is trained.

    `weight` is the *w* of the sum that its loss is of, over 0 and at most 1, the model's where it
    is left out: queries that a gate serves at another weight can learn at that one.
    """

    weight: float | None = None


@dataclass(frozen=True)
class TrainingConfig:
    """Optimisation and the choice of a checkpoint.

    `floors` says how far above the base's figure each general dev figure must lie (a negative
    number allows a loss); `kinds` maps the kinds of `training.rows` to share and batch size;
    `hardness`, `group_order`, `contrastive` (InfoNCE where it is left out) and `pair_order`
    (CoSENT) are those of `training.losses`, and `curriculum` is that of `training.curriculum`;
    `guidance` is how far twin queries are moved apart (`training.losses.guidance`), and `retention`
    weighs that *p* of texts without labels stays as it was (`training.losses.general`).
    `judge_scores` names a file of `make judge` with the scores that `group_order = "judged"` aligns
    the groups with (`training.soft_labels`).
    """

    steps: int
    learning_rate: float
    warmup_steps: int
    weight_decay: float
    temperature: float
    margin_scale: float
    distillation: float
    evaluate_every: int
    floors: dict[str, float]
    kinds: dict[str, Kind] = field(default_factory=dict)
    hardness: float = 0.0
    group_order: str = "margins"
    contrastive: str | None = None
    pair_order: str | None = None
    curriculum: str | None = None
    guidance: float | None = None
    retention: float | None = None
    judge_scores: str | None = None

    @property
    def planned_steps(self) -> int:
        """Steps that the shares of the kinds make, where every kind has a source."""
        return sum(round(self.steps * kind.share) for kind in self.kinds.values())


@dataclass(frozen=True)
class ExperimentConfig:
    """Everything an encoder run depends on.

    Args:
        name: Names the run's folder of checkpoints and figures.
        seed: Seeds sampling, initialisation and dropout.
        runs: Folder of the runs.
        output: Model folder that the export stage writes.
        model: Shape of the encoder: two parts, or a decoder with an adapter.
        training: Optimisation.
    """

    name: str
    seed: int
    runs: Path
    output: Path
    model: ModelConfig | DecoderConfig
    training: TrainingConfig

    @property
    def folder(self) -> Path:
        """Where this run's checkpoints and figures go."""
        return self.runs / self.name


def read_section(section: type[Section], values: dict[str, Any], where: str) -> Section:
    """Build a dataclass from a TOML table.

    Raises:
        ValueError: A key is missing or unknown, or holds another type of value than the dataclass
            says; the message names it.
    """
    known = {item.name for item in fields(section)}  # type: ignore[arg-type]
    if unknown := sorted(set(values) - known):
        raise ValueError(f"{where}: unknown key(s) {', '.join(unknown)}")
    hints = get_type_hints(section)
    for name, value in values.items():
        try:
            TypeAdapter(hints[name]).validate_python(value, strict=True)
        except ValidationError as error:
            raise ValueError(f"{where}: {name}: {first_fault(error)}") from None
    try:
        return section(**values)
    except TypeError as error:
        raise ValueError(f"{where}: {error}") from None


def check_known(table: str, names: Iterable[str], known: Iterable[str]) -> None:
    """Refuse names that stand for nothing.

    Raises:
        ValueError: A name is unknown; the message gives it and where it stands.
    """
    if unknown := sorted(set(names) - set(known)):
        raise ValueError(f"{table}: unknown name(s) {', '.join(unknown)}")


def check_latest(table: str, shares: Mapping[str, Share], known: Collection[str]) -> None:
    """Refuse the corpus's last rows where the rows are not the corpus's, or a number under 0.

    Raises:
        ValueError: They are asked for so; the message names the sort of row.
    """
    for name, share in shares.items():
        if share.latest < 0:
            raise ValueError(f"{table}.{name}: latest must be 0 or more, not {share.latest}")
        if share.latest and name not in known:
            raise ValueError(f"{table}.{name}: latest is for {', '.join(known)} alone")


def check_starts(starts: Any, where: str) -> None:
    """Refuse checkpoints to start from that are not in a list.

    Raises:
        ValueError: They are not; one string would be taken for as many folders as it has letters.
    """
    if not isinstance(starts, list):
        raise ValueError(f"{where}: start is not a list of folders")


def subtable(table: dict[str, Any], key: str, where: str) -> dict[str, Any]:
    """A table within a table; an empty one where there is none.

    Raises:
        ValueError: The key holds something else.
    """
    inner = table.get(key, {})
    if not isinstance(inner, dict):
        raise ValueError(f"{where}: {key} is not a table")
    return inner


def read_experiment(path: Path) -> ExperimentConfig:
    """Read an encoder experiment.

    Raises:
        ValueError: The file lacks a key, or holds one that means nothing.
    """
    return build_experiment(read_toml(path), str(path))


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        ValueError: The file is not TOML; the message gives file and line.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: {error}") from None


def build_experiment(table: dict[str, Any], where: str) -> ExperimentConfig:
    """Build an encoder experiment from its table.

    Args:
        table: As in an experiment file.
        where: Names the table in messages.

    Raises:
        ValueError: A key is missing, or means nothing.
    """
    training, kinds = dict(subtable(table, "training", where)), subtable(table, "kinds", where)
    check_starts(subtable(table, "model", where).get("start", []), f"{where}: model")
    training["kinds"] = {
        name: read_section(Kind, subtable(kinds, name, f"{where}: kinds"), f"{where}: kinds.{name}")
        for name in kinds
    }
    sections = {
        "model": read_model(table, where),
        "training": read_section(TrainingConfig, training, f"{where}: training"),
    }
    paths: dict[str, Any] = {key: Path(table[key]) for key in ("runs", "output") if key in table}
    rest = {key: value for key, value in table.items() if key not in ("kinds", "decoder")}
    return read_section(
        ExperimentConfig, {"runs": Path("runs"), **rest, **paths, **sections}, where
    )


def read_model(table: dict[str, Any], where: str) -> ModelConfig | DecoderConfig:
    """Read the shape of the encoder: the table `decoder`, or else `model`.

    Raises:
        ValueError: Both are there, or one holds what means nothing.
    """
    if "decoder" not in table:
        return read_section(ModelConfig, subtable(table, "model", where), f"{where}: model")
    if "model" in table:
        raise ValueError(f"{where}: model and decoder are two shapes of the encoder: leave one out")
    decoder = read_section(DecoderConfig, subtable(table, "decoder", where), f"{where}: decoder")
    check_known(f"{where}: decoder.pooling", [decoder.pooling], POOLINGS)
    return decoder

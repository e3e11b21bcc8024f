"""One experiment file (TOML) read into one frozen object: nothing else configures a run."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

Section = TypeVar("Section")


@dataclass(frozen=True)
class ModelConfig:
    """The shape of the encoder (`training.two_part`).

    `start` is the folder of a checkpoint that training goes on from; without it *p* starts as a
    copy of the base.
    """

    base: str
    shared_layers: int
    polarity_dimensions: int
    negation_weight: float
    max_seq_length: int
    start: str | None = None


@dataclass(frozen=True)
class Kind:
    """How one kind of row is trained: its share of the steps, and rows in a step."""

    share: float
    rows: int


@dataclass(frozen=True)
class TrainingConfig:
    """Optimisation and the choice of a checkpoint.

    `floors` says how far above the base's figure each general dev figure must lie (a negative
    number allows a loss); `kinds` maps the kinds of `training.rows` to share and batch size.
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


@dataclass(frozen=True)
class ExperimentConfig:
    """Everything an encoder run depends on.

    Args:
        name: Names the run's folder of checkpoints and figures.
        seed: Seeds sampling, initialisation and dropout.
        runs: Folder of the runs.
        output: Model folder that the export stage writes.
        model: Shape of the encoder.
        training: Optimisation.
    """

    name: str
    seed: int
    runs: Path
    output: Path
    model: ModelConfig
    training: TrainingConfig

    @property
    def folder(self) -> Path:
        """Where this run's checkpoints and figures go."""
        return self.runs / self.name


def read_section(section: type[Section], values: dict[str, Any], where: str) -> Section:
    """Build a dataclass from a TOML table.

    Raises:
        ValueError: A key is missing or unknown; the message names it.
    """
    known = {item.name for item in fields(section)}  # type: ignore[arg-type]
    if unknown := sorted(set(values) - known):
        raise ValueError(f"{where}: unknown key(s) {', '.join(unknown)}")
    try:
        return section(**values)
    except TypeError as error:
        raise ValueError(f"{where}: {error}") from None


def read_experiment(path: Path) -> ExperimentConfig:
    """Read an encoder experiment.

    Raises:
        ValueError: The file lacks a key, or holds one that means nothing.
    """
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    kinds = {
        name: read_section(Kind, value, f"{path}: kinds.{name}")
        for name, value in table.pop("kinds", {}).items()
    }
    training = {**table.pop("training", {}), "kinds": kinds}
    paths: dict[str, Any] = {key: Path(table[key]) for key in ("runs", "output") if key in table}
    return read_section(
        ExperimentConfig,
        {
            "runs": Path("runs"),
            **table,
            **paths,
            "model": read_section(ModelConfig, table.pop("model", {}), f"{path}: model"),
            "training": read_section(TrainingConfig, training, f"{path}: training"),
        },
        str(path),
    )

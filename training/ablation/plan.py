"""An ablation file (TOML): a base experiment, and arms that each change one thing in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from training.ablation.stage import STAGES, RunConfig
from training.config import check_known, read_section, read_toml, subtable

# What the ablation itself sets in every run.
OWN_KEYS = frozenset(("name", "seed"))

Name = TypeVar("Name", str, int)


@dataclass(frozen=True)
class Arm:
    """One change to the base experiment.

    Args:
        change: What is changed, in a line.
        set: The keys that differ from the base, as in an experiment file.
        verdict: What was decided, once the figures are there.
    """

    change: str
    set: dict[str, Any]
    verdict: str = ""


@dataclass(frozen=True)
class Run:
    """An arm with one seed."""

    arm: str
    seed: int
    config: RunConfig


@dataclass(frozen=True)
class Ablation:
    """A base experiment, what all arms change in it, and the arms.

    Args:
        base: Path of the base experiment.
        name: Names the folder of the runs.
        seeds: Each arm is run once with each.
        screen: The keys that every arm changes, such as the number of steps.
        arms: By name; an arm without changes is the base itself.
        title: Heading of its section in the report; the name where there is none.
        about: Paragraph under the heading.
        stage: What the base is an experiment of (`training.ablation.stage.STAGES`).
    """

    base: Path
    name: str
    seeds: list[int]
    screen: dict[str, Any]
    arms: dict[str, Arm]
    title: str = ""
    about: str = ""
    stage: str = "encoder"

    def runs(self, where: str) -> list[Run]:
        """Build every run; the arms' first seeds come before their second.

        Args:
            where: Names the ablation in messages.

        Raises:
            ValueError: The base, the screen or an arm sets what means nothing; the message names
                it and the key.
        """
        table = read_toml(self.base)
        STAGES[self.stage].build(table, str(self.base))
        table = merged(table, self.screen)
        STAGES[self.stage].build(table, f"{where}: screen")
        return [
            Run(name, seed, self.build(table, name, seed, f"{where}: arms.{name}"))
            for seed in self.seeds
            for name in self.arms
        ]

    def build(self, screened: Mapping[str, Any], name: str, seed: int, where: str) -> RunConfig:
        """Build the experiment of one arm and seed."""
        changes = self.arms[name].set
        if own := sorted(OWN_KEYS & set(changes)):
            raise ValueError(f"{where}: an arm cannot set {', '.join(own)}")
        table = merged(screened, changes)
        runs = Path(table.get("runs", "runs")) / self.name
        table |= {"name": f"{name}-{seed}", "seed": seed, "runs": str(runs)}
        config = STAGES[self.stage].build(table, where)
        try:
            STAGES[self.stage].check(config)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
        return config


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Lay a table over another, table by table."""
    result = dict(base)
    for key, value in changes.items():
        inner = result.get(key)
        nested = isinstance(value, dict) and isinstance(inner, dict)
        result[key] = merged(inner, value) if nested else value  # type: ignore[arg-type]
    return result


def read_ablation(path: Path) -> Ablation:
    """Read an ablation file.

    Raises:
        ValueError: A key is missing or unknown; the message names file and key.
    """
    table = read_toml(path)
    tables: dict[str, Any] = {
        "screen": subtable(table, "screen", str(path)),
        "arms": {
            name: read_arm(values, f"{path}: arms.{name}")
            for name, values in subtable(table, "arms", str(path)).items()
        },
    }
    if "base" in table:
        tables["base"] = path.parent / table["base"]
    ablation = read_section(Ablation, {**table, **tables}, str(path))
    for key in ("seeds", "arms"):
        if not getattr(ablation, key):
            raise ValueError(f"{path}: {key} names none, so there is nothing to run")
    check_known(f"{path}: stage", [ablation.stage], STAGES)
    return ablation


def read_arm(values: Any, where: str) -> Arm:
    """Read the table of an arm."""
    if not isinstance(values, dict):
        raise ValueError(f"{where} is not a table")
    return read_section(Arm, {**values, "set": subtable(values, "set", where)}, where)


def choose(
    runs: Sequence[Run],
    where: str,
    *,
    arms: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
) -> list[Run]:
    """Keep the runs of the arms and of the seeds that are named; all where none are.

    Raises:
        ValueError: There is no such arm or seed; the message lists those that there are.
    """
    chosen_arms = named_or_all("arm", arms, [run.arm for run in runs], where)
    chosen_seeds = named_or_all("seed", seeds, [run.seed for run in runs], where)
    return [run for run in runs if run.arm in chosen_arms and run.seed in chosen_seeds]


def named_or_all(
    kind: str, wanted: Sequence[Name] | None, there: Sequence[Name], where: str
) -> set[Name]:
    """What is named, or all that there is where nothing is; what there is not is refused."""
    names = list(dict.fromkeys(there))
    if unknown := sorted(set(wanted or ()) - set(names)):
        refused, offered = (", ".join(map(str, each)) for each in (unknown, names))
        raise ValueError(f"{where}: no {kind} {refused}; there are {offered}")
    return set(names if wanted is None else wanted)

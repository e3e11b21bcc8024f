"""What a run of an ablation came to, read from its folder."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.ablation.plan import Run
from training.run import is_run_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """Dev figures of a run that has ended.

    Args:
        figures: By name, at the checkpoint and, of an encoder, the weight that the run chose.
        base: The base encoder's, for the tasks that have a floor; those of a pair model have none.
        sweep: Figures of that checkpoint by weight, of an encoder.
        minutes: Wall time of the run; of one that was stopped, since it last went on.
    """

    figures: dict[str, float]
    base: dict[str, float]
    sweep: dict[float, dict[str, float]]
    minutes: float


@dataclass(frozen=True)
class Spread:
    """Mean of a figure over the seeds, and half the range between its lowest and highest value."""

    mean: float
    half_range: float


def has_ended(run: Run) -> bool:
    """Whether the run's folder holds a run of this very configuration that went to its end."""
    folder = run.config.folder
    return (folder / "train.json").exists() and is_run_of(run.config, folder)


def read_outcomes(runs: Sequence[Run]) -> dict[str, list[Outcome]]:
    """Outcomes of the runs that have ended, by arm; an empty list for an arm without any."""
    outcomes: dict[str, list[Outcome]] = {run.arm: [] for run in runs}
    for run in runs:
        folder = run.config.folder
        if has_ended(run):
            outcomes[run.arm].append(read_outcome(folder))
        elif (folder / "train.json").exists():
            logger.warning("%s is of another configuration than its arm: left out", folder)
    return outcomes


def read_outcome(folder: Path) -> Outcome:
    """Read the folder of a run that has ended.

    Raises:
        ValueError: No checkpoint was measured.
    """
    record = chosen_record(folder)
    base, sweep = record.pop("base", {}), record.pop("sweep", {})
    return Outcome(
        figures={name: value for name, value in record.items() if name != "step"},
        base=base,
        sweep={float(weight): figures for weight, figures in sweep.items()},
        minutes=minutes(folder),
    )


def chosen_record(folder: Path) -> dict[str, Any]:
    """The record of `dev.jsonl` on the checkpoint that the run chose."""
    step = json.loads((folder / "train.json").read_text(encoding="utf-8"))["best_step"]
    if step is None:
        raise ValueError(f"{folder} was never measured: its evaluate_every is beyond its steps")
    lines = (folder / "eval/dev.jsonl").read_text(encoding="utf-8").splitlines()
    # A run that was stopped between a measurement and its checkpoint measures that step again.
    return [record for record in map(json.loads, lines) if record["step"] == step][-1]


def minutes(folder: Path) -> float:
    """Time between the files that a run writes first and last."""
    first, last = (folder / name for name in ("config.json", "train.json"))
    return (last.stat().st_mtime - first.stat().st_mtime) / 60


def spread(values: Sequence[float]) -> Spread:
    """Mean and half range of one figure, one value a seed."""
    return Spread(sum(values) / len(values), (max(values) - min(values)) / 2)

"""Configuration of a pair discriminator run, from one TOML file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.config import read_section, read_toml


@dataclass(frozen=True)
class PairConfig:
    """Everything a discriminator run depends on.

    Args:
        name: Names the run's folder of checkpoints and figures.
        seed: Seeds sampling, initialisation and dropout.
        runs: Folder of the runs.
        output: Model folder that the export stage writes.
        base: The encoder to start from.
        max_length: Longest pair in tokens, special tokens included.
        steps: Optimiser steps.
        rows: Pairs a step.
        shares: Share of the pairs by source (`training.pair.rows`).
        learning_rate: Peak of the linear schedule.
        warmup_steps: Steps to reach it.
        weight_decay: Of AdamW.
        evaluate_every: Steps between two looks at the dev rows.
        precision: The abstention threshold is the lowest with this share of right answers on dev.
        start: Folder of a checkpoint that training goes on from, in place of the base.
    """

    name: str
    seed: int
    runs: Path
    output: Path
    base: str
    max_length: int
    steps: int
    rows: int
    shares: dict[str, float]
    learning_rate: float
    warmup_steps: int
    weight_decay: float
    evaluate_every: int
    precision: float
    start: str | None = None

    @property
    def folder(self) -> Path:
        """Where this run's checkpoints and figures go."""
        return self.runs / self.name


def read_pair_experiment(path: Path) -> PairConfig:
    """Read a discriminator experiment.

    Raises:
        ValueError: The file lacks a key, or holds one that means nothing.
    """
    table = read_toml(path)
    for key in ("runs", "output"):
        if key in table:
            table[key] = Path(table[key])
    return read_section(PairConfig, table, str(path))

"""Configuration of a pair discriminator run, from one TOML file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.config import Share, check_starts, read_section, read_toml, subtable
from training.rows import CROPPED


@dataclass(frozen=True)
class RankingKind(Share):
    """How one source of rankings is trained.

    Args:
        share: Share of the steps.
        rows: Rankings in a step.
        near: Passages that the encoder's search finds for the query, beside the source's own.
        far: Passages from anywhere, or what has nothing to do with the query would be scored as
            chance has it.
        latest: Of the corpus's own rows only so many of the last, or at 0 all: an encoder that has
            seen the others has their cosines more right than those of a search, and a relevance
            that is added to such cosines learns to correct too little.
        alone: Rank by the output without the cosine, so that rows that the encoder has seen leave
            as much to learn as those that it has not.
        cropped: Share of the contrasts of "crossed" that are cut to the sentences that differ, and
            some around them (`training.rows.passages_of`).
        around: Of these at most so many on either side.
    """

    near: int = 0
    far: int = 0
    alone: bool = False
    cropped: float = CROPPED
    around: int | None = None


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
        relevance: The sources of rankings (`training.pair.rankings`), whose steps take the place of
            steps on pairs.
        encoder: Its search finds passages for the rankings, and its cosine is what the relevance is
            added to: a model folder or the name of a base; the base where there is none.
        similarity_scale: What the encoder's cosine is multiplied by before the relevance output is
            added to it, in training and in the service; at 0 the output has to do without it.
        relevance_penalty: Weight of the variance of the relevance output over a query's passages
            (`training.pair.loss.RelevanceLoss`), so that it adds little where the cosine is right.
        relevance_weight: What the export multiplies the relevance output by, chosen on searches
            over dev rows.
        relevance_offset: What the export takes from it then, so that a score of a half stands for a
            cosine that is neither near nor far: a smaller weight keeps less of the bias for that.
        objective: Loss of the relations (`training.pair.loss.PartialLabelLoss`).
        learning_rate: Peak of the linear schedule.
        warmup_steps: Steps to reach it.
        weight_decay: Of AdamW.
        evaluate_every: Steps between two looks at the dev rows.
        precision: The abstention threshold is the lowest with this share of right answers on dev.
        start: Folders of the checkpoints whose average training goes on from, in place of the base.
        head: What the outputs are read from: "cls", the first token's state alone, or one of
            `training.pair.heads`.
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
    start: list[str] = field(default_factory=list)
    head: str = "cls"
    relevance: dict[str, RankingKind] = field(default_factory=dict)
    encoder: str | None = None
    similarity_scale: float = 0.0
    relevance_penalty: float = 0.0
    relevance_weight: float = 1.0
    relevance_offset: float = 0.0
    objective: str = "likelihood"

    @property
    def pair_steps(self) -> int:
        """Steps on pairs; the others are on rankings."""
        return self.steps - sum(round(self.steps * kind.share) for kind in self.relevance.values())

    @property
    def planned_steps(self) -> int:
        """Steps that the shares make, where every source is there: only full batches are run."""
        pairs = self.pair_steps * self.rows
        drawn = sum(round(pairs * share) for share in self.shares.values())
        return drawn // self.rows + self.steps - self.pair_steps

    @property
    def folder(self) -> Path:
        """Where this run's checkpoints and figures go."""
        return self.runs / self.name


def read_pair_experiment(path: Path) -> PairConfig:
    """Read a discriminator experiment.

    Raises:
        ValueError: The file lacks a key, or holds one that means nothing.
    """
    return build_pair_experiment(read_toml(path), str(path))


def build_pair_experiment(table: dict[str, Any], where: str) -> PairConfig:
    """Build a discriminator experiment from its table.

    A source of rankings with a share of 0 is left out, so that an arm of an ablation can take one
    out of its base.

    Args:
        table: As in an experiment file.
        where: Names the table in messages.

    Raises:
        ValueError: A key is missing, or means nothing.
    """
    check_starts(table.get("start", []), where)
    rankings, inner = subtable(table, "relevance", where), f"{where}: relevance"
    relevance = {
        name: read_section(RankingKind, subtable(rankings, name, inner), f"{inner}.{name}")
        for name in rankings
    }
    learnt = {name: kind for name, kind in relevance.items() if kind.share}
    paths: dict[str, Any] = {key: Path(table[key]) for key in ("runs", "output") if key in table}
    return read_section(PairConfig, {**table, **paths, "relevance": learnt}, where)

"""The stages whose experiments an ablation can run: what each trains, and what it measures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from training import train
from training.config import ExperimentConfig, build_experiment
from training.pair import train as pair_train
from training.pair.config import PairConfig, build_pair_experiment


class RunConfig(Protocol):
    """What the configurations of all stages have."""

    @property
    def runs(self) -> Path:
        """Folder of the runs."""

    @property
    def folder(self) -> Path:
        """Where the run's checkpoints and figures go."""


class Schedule(Protocol):
    """How many steps a run makes, and when it is measured."""

    @property
    def steps(self) -> int:
        """As the experiment has it."""

    @property
    def planned_steps(self) -> int:
        """What the shares make of it."""

    @property
    def evaluate_every(self) -> int:
        """Steps between two measurements."""


@dataclass(frozen=True)
class Stage:
    """A kind of experiment.

    Args:
        build: Makes a configuration of a table; the second argument names the table in messages.
        check: Refuses, with a ValueError, a configuration that cannot be run.
        train: Runs a configuration to its end.
        percent: Heading and name of each dev figure that the report gives in percent, beside the
            joint score.
        has_dial: Whether the figures are those of the best negation weight of several.
    """

    build: Callable[[dict[str, Any], str], RunConfig]
    check: Callable[[Any], None]
    train: Callable[[Any], Path]
    percent: Mapping[str, str]
    has_dial: bool = False


def check_encoder(config: ExperimentConfig) -> None:
    """Refuse an encoder experiment whose names mean nothing, or that is never measured."""
    train.check_names(config)
    check_measured(config.training)


def check_pair(config: PairConfig) -> None:
    """Refuse a pair experiment whose names mean nothing, or that is never measured."""
    pair_train.check_names(config)
    check_measured(config)


def train_encoder(config: ExperimentConfig) -> Path:
    """Run an encoder experiment, and return the folder of the chosen checkpoint."""
    return train.main(config)


def train_pair(config: PairConfig) -> Path:
    """Run a pair experiment, and return the folder of the chosen checkpoint."""
    return pair_train.main(config)


def check_measured(schedule: Schedule) -> None:
    """Refuse a run that would end before its first checkpoint is measured, and so have no figures.

    Raises:
        ValueError: The shares make fewer steps than lie between two measurements; a run of no steps
            at all is measured as it starts.
    """
    planned, every = schedule.planned_steps, schedule.evaluate_every
    if schedule.steps and planned < every:
        raise ValueError(
            f"the shares make {planned} steps, so that evaluate_every = {every} would measure none"
        )


STAGES = {
    "encoder": Stage(
        build_experiment,
        check_encoder,
        train_encoder,
        percent={
            "contrast": "contrast",
            "exclusion": "exclusion",
            "exclusion nDCG": "exclusion_ndcg10",
            "same/neg": "same_over_negated",
            "CANNOT": "cannot_auc",
            "STS-B": "stsb_spearman",
            "MedQuAD": "medquad_ndcg10",
            "perspectives": "perspectives_ndcg10",
        },
        has_dial=True,
    ),
    "pair": Stage(
        build_pair_experiment,
        check_pair,
        train_pair,
        percent={
            "macro-F1": "macro_f1",
            "equivalence": "f1_equivalence",
            "contradiction": "f1_contradiction",
            "hedge": "f1_hedge",
            "neutral": "f1_neutral",
            "CANNOT": "auc_cannot",
            "MNLI": "auc_mnli_sample",
            "New Protocols": "auc_nli_new_protocols",
            "contrast": "contrast",
            "exclusion": "exclusion",
            "strangers": "strangers",
        },
    ),
}

"""Run arms of an ablation: `python -m training.ablate training/experiments/ablations.toml`.

A base experiment, of an encoder or of a pair model (`stage = "pair"`), and named arms, each of
which changes one thing, over several seeds. Every arm
and seed is a run of its own in a folder; one that has ended is not run again, one that was stopped
goes on from its last checkpoint. After each run the report, `training/ablations.md`, is renewed.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from training.ablation.outcome import has_ended, read_outcome
from training.ablation.plan import Ablation, Run, choose, read_ablation
from training.ablation.report import write_report
from training.ablation.stage import STAGES
from training.run import check_configuration, is_main_process, run_stage

logger = logging.getLogger(__name__)


def main(
    path: Path,
    *,
    arms: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
    render: bool = False,
) -> None:
    """Run what is not done yet, and report on all that is.

    Args:
        path: The ablation file.
        arms: Run these arms alone.
        seeds: Run these seeds alone.
        render: Run nothing.
    """
    ablation = read_ablation(path)
    runs = ablation.runs(str(path))
    chosen = choose(runs, str(path), arms=arms, seeds=seeds)
    if render:
        write_report(ablation, runs)
    else:
        train_all(ablation, runs, chosen)


def train_all(ablation: Ablation, runs: Sequence[Run], chosen: Sequence[Run]) -> None:
    """Train the chosen runs that have not ended; a folder of another run is refused before."""
    for run in chosen:
        check_configuration(run.config, run.config.folder)
    waiting = [run for run in chosen if not has_ended(run)]
    done = len(chosen) - len(waiting)
    quiet = not is_main_process()
    with (
        tqdm(total=len(chosen), initial=done, desc="Runs", unit="run", disable=quiet) as bar,
        logging_redirect_tqdm(),
    ):
        for number, run in enumerate(waiting, start=done + 1):
            logger.info("Run %d of %d: %s, seed %d", number, len(chosen), run.arm, run.seed)
            STAGES[ablation.stage].train(run.config)
            bar.update()
            if is_main_process():
                logger.info("%s", summary(run))
                write_report(ablation, runs)
    if is_main_process() and not waiting:
        write_report(ablation, runs)


def summary(run: Run) -> str:
    """The dev figures of a run, in percent."""
    figures = read_outcome(run.config.folder).figures
    return " ".join(f"{name} {100 * value:.1f}" for name, value in figures.items())


def split_names(text: str) -> list[str]:
    """The names in a list such as `base,distillation-4`."""
    return [name.strip() for name in text.split(",") if name.strip()]


def split_numbers(text: str) -> list[int]:
    """The numbers in a list such as `1,2`."""
    return [int(name) for name in split_names(text)]


OPTIONS: dict[str, dict[str, Any]] = {
    "--arms": {
        "type": split_names,
        "metavar": "NAME,NAME",
        "help": "run these arms alone (all of them are reported on)",
    },
    "--seeds": {
        "type": split_numbers,
        "metavar": "NUMBER,NUMBER",
        "help": "run these seeds alone, such as the first to screen many arms",
    },
    "--render": {"action": "store_true", "help": "run nothing, only write the report"},
}

if __name__ == "__main__":
    run_stage(
        "training.ablate",
        "Run the arms of an ablation, and report on them in training/ablations.md.",
        main,
        options=OPTIONS,
        example="training/experiments/ablations.toml --arms base,distillation-4",
    )

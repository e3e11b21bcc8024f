"""Probes of an encoder: `python -m training.probe experiment.toml`, or `--model ...`.

What the dev figures rest on (`training.probing`), beside the base encoder's. Of an experiment, the
exported folder is probed, `docs/probes.svg` drawn and `training/probes.json` written; with
`--model`, any other encoder, into `runs/probes/`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.config import read_experiment
from training.evaluation import comparison
from training.evaluation.encoding import Encode
from training.evaluation.target import OPTIONS, Target, named, read_target
from training.probing import plot
from training.probing.consistency import consistency
from training.probing.direction import direction
from training.probing.hedging import hedging
from training.probing.intervention import intervention
from training.probing.length import length
from training.probing.sensitivity import sensitivity
from training.probing.table import column
from training.run import run_stage, write_json

RUNS = Path("runs/probes")
FIGURES = Path("training/probes.json")
PLOT = Path("docs/probes.svg")

PROBES = {
    "consistency": consistency,
    "sensitivity": sensitivity,
    "intervention": intervention,
    "length": length,
    "direction": direction,
    "hedging": hedging,
}


def main(
    model: Target, against: Target | None = None, *, figures: Path = FIGURES, picture: Path = PLOT
) -> dict[str, Any]:
    """Probe, print, and leave figures and a plot.

    Args:
        model: What is to be probed.
        against: A further encoder for the table.
        figures: The JSON file.
        picture: The SVG file.

    Returns:
        What the JSON file holds.

    Raises:
        ValueError: An encoder cannot be had; the message names it.
    """
    found = comparison.compare(model, against, probe)
    columns = comparison.by_name(found)
    told = comparison.described(found)
    figures.parent.mkdir(parents=True, exist_ok=True)
    write_json(figures, told)
    plot.draw(columns, picture)
    comparison.print_columns(
        {name: column(probed) for name, probed in columns.items()}, "probes, in percent"
    )
    print(f"In {figures} and {picture}.")
    return told


def probe(encode: Encode) -> dict[str, Any]:
    """Figures of every probe; `encode` is expected to remember what it encoded."""
    return {name: measure(encode) for name, measure in PROBES.items()}


def stage(experiment: Path | None, *, model: str | None, against: str | None) -> None:
    """Probe the encoder of an experiment, or one that is named.

    Raises:
        ValueError: Neither is named, or both are.
    """
    match named(experiment, model, against):
        case Path() as path:
            main(read_target(str(read_experiment(path).output)))
        case target, other:
            folder = RUNS / target.name
            main(target, other, figures=folder / "probes.json", picture=folder / "probes.svg")


if __name__ == "__main__":
    run_stage(
        "training.probe",
        "Print what an encoder's figures for negation rest on, beside the base encoder's.",
        stage,
        options=OPTIONS,
        example="--model tei:http://127.0.0.1:8080 --against path/to/folder",
        optional=True,
    )

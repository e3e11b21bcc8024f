"""Figures of an encoder that a user names, beside the base encoder's and another's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from training import corpus
from training.evaluation import comparison_plot
from training.evaluation.dial import measure
from training.evaluation.encoding import Encode, Remembered
from training.evaluation.opening import encoder
from training.evaluation.target import Target, read_target
from training.evaluation.tasks import DEV_TASKS
from training.run import write_json
from training.serving import ServedEncoder

BASE = "all-MiniLM-L6-v2"
RUNS = Path("runs/evaluation")


@dataclass(frozen=True)
class Measured:
    """An encoder and its figures.

    Args:
        name: What the table calls it.
        address: As the user named it.
        run_by: What computed its vectors: the service's own code, sentence-transformers, or an
            endpoint that speaks this contract.
        dimensions: Numbers of a vector.
        texts: How many different texts were encoded.
        figures: Dev figures by task, or what else was measured.
    """

    name: str
    address: str
    run_by: str
    dimensions: int
    texts: int
    figures: dict[str, Any]


def main(model: Target, against: Target | None = None, *, runs: Path = RUNS) -> Path:
    """Measure, print, and leave `evaluation.json` and `evaluation.svg` in a folder of the runs.

    Args:
        model: What is to be measured.
        against: A further encoder for the table.
        runs: Where the folder is made, by the model's name.

    Returns:
        The folder.

    Raises:
        ValueError: An encoder cannot be had; the message names it.
    """
    found = compare(model, against, partial(measure, tasks=DEV_TASKS))
    columns = by_name(found)
    folder = runs / model.name
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "evaluation.json", described(found))
    comparison_plot.draw(columns, folder / "evaluation.svg")
    print_columns(columns)
    print(f"In {folder}.")
    return folder


def compare(
    model: Target, against: Target | None, measure: Callable[[Encode], dict[str, Any]]
) -> dict[str, Measured]:
    """Measure the base encoder, a further one and the one that was asked about.

    Every encoder is opened before any is measured, so that a wrong address is told at once.

    Args:
        model: What is to be measured.
        against: A further encoder.
        measure: Figures of an encoder; it may ask for a text as often as it likes.

    Returns:
        What was measured by role, "base", "against" and "model" in this order. A target that has
        two roles is measured once.

    Raises:
        ValueError: An encoder cannot be had; the message names it.
    """
    named = {"base": read_target(BASE), "against": against, "model": model}
    targets = {role: target for role, target in named.items() if target is not None}
    encoders = {target: encoder(target) for target in dict.fromkeys(targets.values())}
    # The base comes last: it is the one that can be had again at no price.
    found = {
        target: measured(target, encode, measure) for target, encode in reversed(encoders.items())
    }
    return {role: found[target] for role, target in targets.items()}


def by_name(found: Mapping[str, Measured]) -> dict[str, dict[str, Any]]:
    """Figures by the encoder's name, each encoder once."""
    return {one.name: one.figures for one in found.values()}


def described(found: Mapping[str, Measured]) -> dict[str, Any]:
    """What a comparison leaves as JSON: the encoders by role, and digests of the dev rows."""
    return {**{role: asdict(one) for role, one in found.items()}, "rows": dev_rows()}


def measured(
    target: Target, encode: Encode, measure: Callable[[Encode], dict[str, Any]]
) -> Measured:
    """Measure an encoder; each text is encoded once."""
    remembered = Remembered(encode)
    figures = measure(remembered)
    vectors = remembered.vectors
    local = "service" if isinstance(encode, ServedEncoder) else "sentence-transformers"
    return Measured(
        name=target.name,
        address=target.address,
        run_by=target.contract or local,
        dimensions=len(next(iter(vectors.values()))),
        texts=len(vectors),
        figures=figures,
    )


def dev_rows() -> dict[str, str]:
    """SHA-256 of the distilled dev files: figures on other rows are not comparable."""
    return {
        path.name: sha256(path.read_bytes()).hexdigest()
        for path in sorted(corpus.DATA.glob("*.dev.jsonl"))
    }


def print_columns(
    columns: Mapping[str, Mapping[str, float]], title: str = "dev, in percent"
) -> None:
    """Print figures in percent, a column for each encoder."""
    widths = {name: max(9, len(name) + 2) for name in columns}
    rows = list(next(iter(columns.values())))
    first = max(22, *(len(row) + 1 for row in rows))
    heads = (f"{name:>{width}}" for name, width in widths.items())
    print("".join((f"{title:<{first}}", *heads)))
    for row in rows:
        values = (f"{100 * columns[name][row]:>{width}.1f}" for name, width in widths.items())
        print("".join((f"{row:<{first}}", *values)))

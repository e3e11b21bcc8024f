"""The picture of a comparison: a row for each dev task, a dot for each encoder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from training.evaluation.tasks import CHANCE
from training.picture import drawing

# Told apart by shape as well as by colour; the last is what was asked about.
STYLES = (("#999999", "s"), ("#d55e00", "^"), ("#0072b2", "o"))


def draw(columns: Mapping[str, Mapping[str, float]], path: Path) -> None:
    """Draw dev figures into an SVG file.

    Args:
        columns: Figures between 0 and 1 by task, by encoder: at most three, the base first.
        path: The SVG file.
    """
    tasks = list(next(iter(columns.values())))
    with drawing(path) as figure:
        figure.set_size_inches(7.4, 1.6 + 0.3 * len(tasks))
        axes = figure.subplots()
        guessed = [(100 * CHANCE[task], row) for row, task in enumerate(tasks) if task in CHANCE]
        axes.plot(*zip(*guessed, strict=True), "k|", markersize=11, label="chance")
        for (name, figures), (colour, marker) in zip(
            columns.items(), styles(len(columns)), strict=True
        ):
            values = [100 * figures[task] for task in tasks]
            axes.plot(values, range(len(tasks)), marker, color=colour, label=name)
        axes.set_yticks(range(len(tasks)), tasks)
        axes.invert_yaxis()
        lowest = min(100 * figure for figures in columns.values() for figure in figures.values())
        axes.set_xlim(min(0.0, lowest - 5), 100)
        axes.set_xlabel("dev figure (percent)")
        axes.grid(alpha=0.3)
        figure.legend(loc="outside lower center", ncols=2, frameon=False)


def styles(encoders: int) -> tuple[tuple[str, str], ...]:
    """Colour and marker of each of one to three encoders, in the order of the columns."""
    return (*STYLES[: encoders - 1], STYLES[-1])

"""The picture of the probes: shares for each encoder, and the polarity direction of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from training.evaluation.comparison_plot import styles
from training.picture import drawing
from training.probing.direction import RELATIONS
from training.probing.table import Better, Row, figure, rows

TITLES: dict[Better, str] = {"lower": "the lower the better", "higher": "the higher the better"}
# How far apart the encoders' bars of one relation lie.
STEP = 0.22

Columns = Mapping[str, Mapping[str, Any]]


def draw(columns: Columns, path: Path) -> None:
    """Draw the probes' figures into an SVG file.

    Args:
        columns: Figures as the probes give them, by encoder: at most three, the base first.
        path: The SVG file.
    """
    parts: dict[Better, list[Row]] = {
        better: [row for row in rows() if row.better == better] for better in TITLES
    }
    heights = [*(len(part) + 2 for part in parts.values()), len(RELATIONS) + 3]
    with drawing(path) as picture:
        picture.set_size_inches(8, 0.27 * sum(heights))
        *panels, last = picture.subplots(len(heights), 1, height_ratios=heights)
        for axes, (better, part) in zip(panels, parts.items(), strict=True):
            draw_shares(axes, columns, part)
            axes.set_title(TITLES[better], loc="left")
        draw_direction(last, columns)
        # The second panel alone has every marker, chance's among them.
        handles, labels = panels[1].get_legend_handles_labels()
        picture.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)


def draw_shares(axes: Axes, columns: Columns, part: Sequence[Row]) -> None:
    """A line for each figure, a dot for each encoder, and a tick for chance."""
    guessed = [(100 * row.chance, place) for place, row in enumerate(part) if row.chance]
    axes.plot(*zip(*guessed, strict=True), "k|", markersize=11, label="chance")
    for (name, figures), (colour, marker) in zip(
        columns.items(), styles(len(columns)), strict=True
    ):
        values = [100 * figure(figures, row) for row in part]
        axes.plot(values, range(len(part)), marker, color=colour, label=name)
    axes.set_yticks(range(len(part)), [row.label for row in part])
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("percent")
    axes.grid(alpha=0.3)


def draw_direction(axes: Axes, columns: Columns) -> None:
    """A bar from quartile to quartile for each relation and encoder, with the median."""
    for number, ((_, figures), (colour, marker)) in enumerate(
        zip(columns.items(), styles(len(columns)), strict=True)
    ):
        for place, relation in enumerate(RELATIONS):
            lower, median, upper = figures["direction"]["quartiles"][relation]
            line = place + STEP * (number - (len(columns) - 1) / 2)
            axes.plot((lower, upper), (line, line), color=colour, linewidth=3, alpha=0.5)
            axes.plot(median, line, marker, color=colour)
    axes.set_yticks(range(len(RELATIONS)), RELATIONS)
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set_title("distance from the anchor along the polarity direction", loc="left")
    axes.set_xlabel("quartiles of |d . (text - anchor)|")
    axes.grid(alpha=0.3)

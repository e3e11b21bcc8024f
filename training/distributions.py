"""Cosines by relation: `python -m training.distributions training/experiments/released.toml`.

How near the texts of the distilled dev groups are to their anchor, for the base encoder and for the
exported one. Draws `docs/cosines.svg` and leaves the quartiles in `training/distributions.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from training import corpus
from training.config import ExperimentConfig, read_experiment
from training.evaluation.base_encoder import BaseEncoder
from training.evaluation.encoding import Encode, Remembered, Vectors
from training.evaluation.tasks import similarities
from training.picture import drawing
from training.run import run_stage, write_json
from training.serving import ServedEncoder

PLOT = Path("docs/cosines.svg")
FIGURES = Path("training/distributions.json")
RELATIONS = ("same", "hedged", "negated", "neutral")
# Okabe and Ito's colours, which colour-blind people tell apart; the rows are labelled besides.
COLOURS = dict(zip(RELATIONS, ("#009e73", "#e69f00", "#d55e00", "#0072b2"), strict=True))

Cosines = Mapping[str, Vectors]


def main(config: ExperimentConfig, *, plot: Path = PLOT, figures: Path = FIGURES) -> dict[str, Any]:
    """Measure, draw, print, and return the quartiles."""
    found = {
        f"before: {config.model.base}": cosines(Remembered(BaseEncoder(config.model.base))),
        f"after: {config.output.name}": cosines(Remembered(ServedEncoder(config.output))),
    }
    told = {model: describe(by_relation) for model, by_relation in found.items()}
    draw(found, plot)
    write_json(figures, told)
    print_table(told)
    return told


def cosines(encode: Encode) -> dict[str, Vectors]:
    """Cosine of every text of the dev groups with its anchor, by its relation to that."""
    groups = corpus.groups("dev")
    by_group = [
        {name: (*getattr(group, name),) for name in RELATIONS} | {"anchor": (group.anchor,)}
        for group in groups
    ]
    # All at once first, so that they run in large batches.
    encode([text for texts in by_group for kind in texts.values() for text in kind])
    return {
        name: np.concatenate(
            [similarities(encode, texts["anchor"][0], texts[name]) for texts in by_group]
        )
        for name in RELATIONS
    }


def describe(by_relation: Cosines) -> dict[str, dict[str, float]]:
    """Quartiles and number of the cosines of each relation."""
    return {
        name: {
            "texts": float(len(values)),
            **dict(
                zip(
                    ("lower_quartile", "median", "upper_quartile"),
                    np.quantile(values, (0.25, 0.5, 0.75)).round(4).tolist(),
                    strict=True,
                )
            ),
        }
        for name, values in by_relation.items()
    }


def draw(found: Mapping[str, Cosines], path: Path) -> None:
    """Draw a panel for each model into an SVG file, one above the other, on the same axis."""
    with drawing(path) as figure:
        figure.set_size_inches(7, 2.4 * len(found))
        panels = figure.subplots(len(found), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (model, by_relation) in zip(panels, found.items(), strict=True):
            draw_panel(axes, by_relation)
            axes.set_title(model, loc="left")
        panels[-1].set_xlabel("cosine with the anchor; the line is the median")


def draw_panel(axes: Axes, by_relation: Cosines) -> None:
    """Draw the density of each relation's cosines, the first one on top, with the median."""
    places = list(range(len(by_relation)))
    parts: dict[str, Any] = axes.violinplot(
        list(by_relation.values()),
        positions=places,
        orientation="horizontal",
        widths=0.9,
        showextrema=False,
    )
    for place, name, body in zip(places, by_relation, parts["bodies"], strict=True):
        body.set(facecolor=COLOURS[name], edgecolor=COLOURS[name], alpha=0.55)
        median = float(np.median(by_relation[name]))
        axes.plot([median, median], [place - 0.4, place + 0.4], color="black", linewidth=1.5)
        axes.annotate(f"{median:.2f}", (median, place - 0.42), ha="center", va="bottom")
    axes.set_yticks(places, list(by_relation))
    axes.set_ylim(len(places) - 0.4, -0.8)
    axes.grid(axis="x", alpha=0.3)


def print_table(told: Mapping[str, Mapping[str, Mapping[str, float]]]) -> None:
    """Print the quartiles of each relation."""
    print(f"{'cosine with the anchor':<32}{'relation':<10}{'25 %':>8}{'median':>8}{'75 %':>8}")
    for model, by_relation in told.items():
        for name, row in by_relation.items():
            quartiles = (row["lower_quartile"], row["median"], row["upper_quartile"])
            print(f"{model:<32}{name:<10}" + "".join(f"{value:>8.3f}" for value in quartiles))


if __name__ == "__main__":
    run_stage(
        "training.distributions",
        "Draw how near texts of each relation are to their anchors, before and after training.",
        lambda path: main(read_experiment(path)),
        example="training/experiments/released.toml",
    )

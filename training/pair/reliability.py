"""The reliability diagram: how often an answer is right that is given with such confidence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.pair.evaluation import expected_calibration_error, reliability
from training.pair.scaling import Logits
from training.picture import drawing

DIAGRAM = "reliability.svg"
# Told apart by shape and line as well as by colour.
STYLES: tuple[dict[str, Any], ...] = (
    {"color": "#d55e00", "marker": "s", "linestyle": "--"},
    {"color": "#0072b2", "marker": "o", "linestyle": "-"},
)


def draw(outputs: Mapping[str, Logits], relations: NDArray[np.int64], path: Path) -> None:
    """Draw at most two curves, a dot for each tenth of confidence, larger where more answers are.

    Args:
        outputs: (pairs, relations) logits by the name of their curve.
        relations: (pairs,) what is right.
        path: The SVG file.
    """
    with drawing(path) as figure:
        figure.set_size_inches(4.6, 4.2)
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, label="as sure as right")
        for (name, logits), style in zip(outputs.items(), STYLES, strict=False):
            bins = reliability(logits, relations)
            error = expected_calibration_error(logits, relations)
            label = f"{name} (error {error:.3f})"
            axes.plot(bins.confidence, bins.right, label=label, markersize=4, **style)
            sizes = 10 + 300 * bins.share
            axes.scatter(bins.confidence, bins.right, s=sizes, alpha=0.3, color=style["color"])
        axes.set(xlim=(0.2, 1.0), ylim=(0.0, 1.02))
        axes.set_xlabel("confidence: the best of the four probabilities")
        axes.set_ylabel("share of right answers")
        axes.grid(alpha=0.3)
        axes.legend(loc="upper left", frameon=False)

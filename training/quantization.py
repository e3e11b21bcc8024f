"""What the vectors of an exported encoder hold, dimension by dimension, for its quantised forms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from training import corpus
from training.evaluation.encoding import Vectors

TEXTS = 4096
# Significant digits of float32.
DIGITS = 7


def calibrate(served: Callable[[Sequence[str]], Vectors], texts: Sequence[str]) -> dict[str, Any]:
    """Measure the least, the greatest and the mean squared value of each dimension.

    Args:
        served: The encoder as it is served: texts to unit vectors.
        texts: What to measure on.

    Returns:
        The content of a model folder's `calibration_ranges.json`.
    """
    rows = np.asarray(served(texts), dtype=np.float64)
    return {
        "texts": len(texts),
        "minima": rounded(rows.min(axis=0)),
        "maxima": rounded(rows.max(axis=0)),
        "mean_squares": rounded((rows**2).mean(axis=0)),
    }


def calibration_texts(count: int = TEXTS) -> list[str]:
    """Texts of the corpus to calibrate on, evenly from all kinds of its training rows."""
    texts = list(dict.fromkeys(_texts()))
    step = max(1, len(texts) // count)
    return texts[::step][:count]


def rounded(values: Vectors) -> list[float]:
    """Plain numbers for a JSON file."""
    return [float(f"{value:.{DIGITS}g}") for value in values]


def _texts() -> Iterator[str]:
    for group in corpus.groups("train"):
        yield from (group.anchor, *group.same, *group.negated, *group.hedged, *group.neutral)
    for row in corpus.contrasts("train"):
        yield from (row.query_a, row.query_b, row.doc_a, row.doc_b)
    for exclusion in corpus.exclusions("train"):
        yield from (exclusion.query, *exclusion.relevant, *exclusion.violating)

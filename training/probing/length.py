"""Length: are near-twin passages told apart when they are long, and wherever they differ?"""

from __future__ import annotations

from typing import Any

import numpy as np

from training import corpus
from training.evaluation import comparison, metrics
from training.evaluation.encoding import Encode, Vectors
from training.evaluation.tasks import contrast_scores
from training.probing.windows import Cutter

BUDGETS = (32, 64, 128, 256)
POSITIONS = ("first third", "middle third", "last third")


def length(encode: Encode) -> dict[str, Any]:
    """Pairwise accuracy of the dev contrasts (chance 0.25) by length and by place of the reversal.

    Tokens are the base encoder's, without special ones, whatever is measured.

    Returns:
        `tokens`: for each budget `contrasts`, `cut` (share of contrasts of which a passage is cut)
        and `pairwise_accuracy`. `position`: for each third of the uncut passage in which the middle
        of the difference lies, `contrasts` and `pairwise_accuracy`.
    """
    contrasts = corpus.contrasts("dev")
    cutter = Cutter(comparison.BASE)
    by_budget = {}
    for budget in BUDGETS:
        shorter = [cutter.cut(contrast, budget) for contrast in contrasts]
        changed = [one != other for one, other in zip(contrasts, shorter, strict=True)]
        by_budget[str(budget)] = {
            **accuracy(contrast_scores(encode, shorter)),
            "cut": float(np.mean(changed)),
        }
    places = np.array([cutter.difference(contrast).position for contrast in contrasts])
    thirds = np.minimum((places * len(POSITIONS)).astype(int), len(POSITIONS) - 1)
    scores = contrast_scores(encode, contrasts)
    return {
        "tokens": by_budget,
        "position": {
            name: accuracy(scores[thirds == third]) for third, name in enumerate(POSITIONS)
        },
    }


def accuracy(scores: Vectors) -> dict[str, float | None]:
    """Pairwise accuracy and the number of contrasts; None where there is none."""
    found = metrics.pairwise_accuracy(scores) if len(scores) else None
    return {"contrasts": len(scores), "pairwise_accuracy": found}

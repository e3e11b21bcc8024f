"""Hedging: where a hedge stands among what means the same, what denies it and the rest."""

from __future__ import annotations

import numpy as np

from training import corpus
from training.evaluation.encoding import Encode
from training.evaluation.tasks import (
    group_order,
    hedged_over_negated,
    same_over_hedged,
    similarities,
)


def hedging(encode: Encode) -> dict[str, float]:
    """Shares of right orders by the cosine with the anchor, means over the dev groups.

    Returns:
        `same_over_hedged`, `hedged_over_negated` and `hedged_over_neutral` (chance 0.5), and
        `between`: the share of a group's triples of a text that means the same, a hedge and a
        denial that lie in this order (chance 1/6).
    """
    return {
        "same_over_hedged": same_over_hedged(encode),
        "hedged_over_negated": hedged_over_negated(encode),
        "hedged_over_neutral": group_order(encode, lambda group: (group.hedged, group.neutral)),
        "between": float(np.mean([between(encode, group) for group in corpus.groups("dev")])),
    }


def between(encode: Encode, group: corpus.Group) -> float:
    """Share of the triples of a group whose hedge lies between the two others."""
    scores = similarities(encode, group.anchor, (*group.same, *group.hedged, *group.negated))
    cuts = np.cumsum((len(group.same), len(group.hedged)))
    same, hedged, negated = np.split(scores, cuts)
    above = same[:, None, None] > hedged[None, :, None]
    below = hedged[None, :, None] > negated[None, None, :]
    return float(np.mean(above & below))

"""Polarity consistency and contradiction index: does an encoder hold a claim and its denial apart?

PA-CCS (arXiv 2511.21737) asks a probe on hidden states whether a statement and its negation are
true. An encoder is asked by its cosine instead, and that transfer is ours: the claim is the anchor,
and p(x) = sigmoid(a cos(claim, x) + b) is the probability that x says the same. With one
probability a text, "no" has 1 - p, and the paper's polarity consistency

    PC = 1/2 [(pA1 - pN0)^2 + (pA0 - pN1)^2] sign(pA1 - pN1) sign(pN0 - pA0)

becomes (pA + pN - 1)^2: both squares are that, and the two signs are one sign squared. So it tells
how far the two probabilities are from adding to one, and not which text got which; the
contradiction index and `right_order` tell that.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from training import corpus
from training.evaluation.encoding import Encode, Vectors
from training.evaluation.tasks import similarities
from training.probing.halves import Groups, crossed

# As good as no penalty on the slope.
WEAK = 1e6


def consistency(encode: Encode) -> dict[str, Any]:
    """Polarity consistency and contradiction index of the dev groups; the lower the better.

    Slope and offset are fitted on one half of the groups and measured on the other, crosswise.

    Returns:
        `polarity_consistency` (0 to 1; 0 says nothing where p is 0.5 for every text),
        `contradiction_index` (0 to 1; 0.5 where p is 0.5 for every text), `right_order` (share of
        pairs with pA > pN, a half by chance), each the mean over all pairs of a text that means the
        same and a denial, averaged within a group first; and the `fits`.
    """
    items = []
    fits = []
    for fitted, measured in crossed(corpus.groups("dev")):
        slope, offset = fit(*cosines(encode, fitted))
        fits.append({"slope": slope, "offset": offset, "groups": len(measured)})
        for same, negated in zip(*cosines(encode, measured), strict=True):
            items.append(indices(expit(slope * same + offset), expit(slope * negated + offset)))
    means = np.mean(items, axis=0)
    names = ("polarity_consistency", "contradiction_index", "right_order")
    return {**dict(zip(names, means.tolist(), strict=True)), "fits": fits}


def cosines(encode: Encode, groups: Groups) -> tuple[list[Vectors], list[Vectors]]:
    """Cosines with the anchor, group by group: of texts that mean the same, and of denials."""
    encode([text for group in groups for text in (group.anchor, *group.same, *group.negated)])
    return (
        [similarities(encode, group.anchor, group.same) for group in groups],
        [similarities(encode, group.anchor, group.negated) for group in groups],
    )


def fit(same: list[Vectors], negated: list[Vectors]) -> tuple[float, float]:
    """Slope and offset that tell the two kinds of texts best, each kind weighing the same.

    An encoder to which denials are nearer on the whole gets a slope of 0, for its cosine is no
    evidence of sameness: every p is 0.5 then.
    """
    values = np.concatenate((*same, *negated))
    labels = np.arange(len(values)) < sum(map(len, same))
    model = LogisticRegression(C=WEAK, class_weight="balanced").fit(values[:, None], labels)
    slope = float(model.coef_[0, 0])
    return (slope, float(model.intercept_[0])) if slope > 0 else (0.0, 0.0)


def indices(same: Vectors, negated: Vectors) -> tuple[float, float, float]:
    """Polarity consistency, contradiction index and share in the right order of a group's pairs.

    Args:
        same: (texts,) probabilities of texts that mean the same.
        negated: (denials,) probabilities of texts that deny the claim.
    """
    agree, deny = same[:, None], negated[None, :]
    return (
        float(np.mean((agree + deny - 1) ** 2)),
        float(np.mean(agree * deny + (1 - agree) * (1 - deny))),
        float(np.mean(agree > deny)),
    )

"""Orders of a batch of labelled pairs: pure functions of similarities and labels, both (pairs,)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, kl_div, log_softmax, pad, softmax

COSENT_SCALE = 20.0
# CoDiEmb (arXiv 2508.11442): temperature of both its orders, the least difference of two labels,
# and the weights of its three terms.
CODIEMB_TEMPERATURE, LEAST_DIFFERENCE = 0.05, 1e-8
PEARSON_WEIGHT, RANK_KL_WEIGHT, PRO_WEIGHT = 2.0, 5.0, 0.5


def cosent(similarities: Tensor, labels: Tensor) -> Tensor:
    """CoSENT: every pair above those with a lower label.

    Su 2022 and Huang et al. 2024 (doi 10.1109/TASLP.2024.3402087); as in sentence-transformers.
    """
    scores = similarities * COSENT_SCALE
    differences = scores[None, :] - scores[:, None]
    violations = differences[labels[:, None] > labels[None, :]]
    return torch.logsumexp(pad(violations, (1, 0)), dim=0)


def rank_kl(similarities: Tensor, labels: Tensor) -> Tensor:
    """KL divergence of the similarities' softmax from that of the labels' ranks (CoDiEmb)."""
    wanted = softmax(normalized_ranks(labels) / CODIEMB_TEMPERATURE, dim=0)
    found = log_softmax(similarities / CODIEMB_TEMPERATURE, dim=0)
    return kl_div(found, wanted, reduction="sum")


def normalized_ranks(labels: Tensor) -> Tensor:
    """Ranks from 1, the highest label, to 0; equal labels have the mean of their ranks."""
    above = (labels[None, :] > labels[:, None]).sum(dim=1)
    equal = (labels[None, :] == labels[:, None]).sum(dim=1) - 1
    last = max(len(labels) - 1, 1)
    return (last - above - equal / 2) / last


def pro(similarities: Tensor, labels: Tensor) -> Tensor:
    """Each pair in a softmax with those of a lower label, which count by the difference (CoDiEmb).

    Preference ranking optimisation; the mean over the pairs that have any below them.
    """
    scores = similarities / CODIEMB_TEMPERATURE
    differences = labels[:, None] - labels[None, :]
    lower = differences > LEAST_DIFFERENCE
    logits = (differences * scores[None, :]).masked_fill(~lower, -torch.inf)
    own = differences.amax(dim=1) * scores
    losses = torch.logsumexp(torch.cat((own[:, None], logits), dim=1), dim=1) - own
    ranked = lower.any(dim=1)
    return losses[ranked].sum() / ranked.sum().clamp(min=1)


def pearson(similarities: Tensor, labels: Tensor) -> Tensor:
    """One minus Pearson's correlation; 1 where all labels are equal."""
    left, right = similarities - similarities.mean(), labels - labels.mean()
    return 1 - cosine_similarity(left, right, dim=0)


def codiemb(similarities: Tensor, labels: Tensor) -> Tensor:
    """The sum of CoDiEmb's three orders at its weights.

    Without the InfoNCE on its middle layer: *p* has no layer there that is served.
    """
    return (
        PEARSON_WEIGHT * pearson(similarities, labels)
        + RANK_KL_WEIGHT * rank_kl(similarities, labels)
        + PRO_WEIGHT * pro(similarities, labels)
    )


PAIR_ORDERS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cosent": cosent,
    "rank-kl": rank_kl,
    "pro": pro,
    "codiemb": codiemb,
}

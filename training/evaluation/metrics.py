"""Figures from arrays of similarities; pure functions, chance level in each docstring."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.metrics import ndcg_score, roc_auc_score

Array = NDArray[np.float32]


def pairwise_accuracy(scores: Array) -> float:
    """Share of contrasts in which both queries prefer their own passage (chance 0.25).

    A model that always prefers the same one of two near-twins scores 0 (NevIR's measure, Weller
    et al. 2024, arXiv 2305.07614).

    Args:
        scores: (contrasts, 2 queries, 2 passages) similarities.
    """
    first = scores[:, 0, 0] > scores[:, 0, 1]
    second = scores[:, 1, 1] > scores[:, 1, 0]
    return float(np.mean(first & second))


def share_above(higher: Array, lower: Array) -> float:
    """Share of all (higher, lower) combinations in the right order (chance 0.5)."""
    return float(np.mean(higher[:, None] > lower[None, :]))


def auc(scores: Array, positive: NDArray[np.bool_]) -> float:
    """Area under the ROC curve (chance 0.5)."""
    return float(roc_auc_score(positive, scores))


def spearman(scores: Array, gold: Array) -> float:
    """Spearman's rank correlation (chance 0)."""
    return float(spearmanr(scores, gold).statistic)


def ndcg_at_10(scores: Array, relevant: Sequence[Sequence[int]]) -> float:
    """Mean nDCG@10 with binary relevance.

    Args:
        scores: (queries, documents) similarities.
        relevant: For each query, the indices of its relevant documents.
    """
    gold = np.zeros_like(scores)
    for row, documents in enumerate(relevant):
        gold[row, list(documents)] = 1.0
    return float(ndcg_score(gold, scores, k=10, ignore_ties=True))

"""Dev figures of a discriminator, its reliability, and the baselines beside it.

A discriminator is judged as a function from pairs to (pairs, 4) logits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.tree import DecisionTreeClassifier

from training import public
from training.pair.relations import POSSIBLE, RELATIONS
from training.pair.rows import Part, dev_pairs
from training.pair.scaling import Logits

Score = Callable[[Sequence[tuple[str, str]]], Logits]

CONTRADICTION = RELATIONS.index("contradiction")


def both_orders(score: Score) -> Score:
    """Average the logits of (a, b) and (b, a), so that the relation is symmetric exactly."""

    def symmetric(pairs: Sequence[tuple[str, str]]) -> Logits:
        swapped = [(second, first) for first, second in pairs]
        return ((score(pairs) + score(swapped)) / 2).astype(np.float32)

    return symmetric


def relation_figures(logits: Logits, relations: NDArray[np.int64]) -> dict[str, float]:
    """F1 of each relation and their mean (macro-F1)."""
    by_class = f1_score(
        relations,
        logits.argmax(axis=1),
        labels=range(len(RELATIONS)),
        average=None,
        zero_division=0.0,
    )
    figures = {f"f1_{name}": float(f1) for name, f1 in zip(RELATIONS, by_class, strict=True)}
    return {"macro_f1": float(np.mean(by_class)), **figures}


def contradiction_auc(score: Score, name: str) -> float | None:
    """AUC of the contradiction score for contradiction against everything else in a public set."""
    rows = [row for row in public.load(name) if row["label"] in POSSIBLE]
    if not rows:
        return None
    probability = softmax(score([(row["a"], row["b"]) for row in rows]), axis=1)[:, CONTRADICTION]
    gold = [POSSIBLE[row["label"]] == POSSIBLE["contradiction"] for row in rows]
    return float(roc_auc_score(gold, probability))


def dev_arrays(part: Part = "all") -> tuple[list[tuple[str, str]], NDArray[np.int64]]:
    """The pairs of a part of the distilled dev groups and their relations."""
    rows = dev_pairs(part)
    return [(a, b) for a, b, _ in rows], np.array([relation for _, _, relation in rows])


def expected_calibration_error(
    logits: Logits, relations: NDArray[np.int64], bins: int = 10
) -> float:
    """Mean gap between confidence and share of right answers, over bins of confidence."""
    probabilities = softmax(logits, axis=1)
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == relations
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(confidence[which == b].mean() - right[which == b].mean()) * np.mean(which == b)
        for b in range(bins)
        if np.any(which == b)
    ]
    return float(sum(gaps))


def abstention_threshold(
    logits: Logits, relations: NDArray[np.int64], precision: float
) -> dict[str, float]:
    """The lowest confidence from which the answers are right often enough.

    Returns:
        The threshold, with the precision and the coverage that it gives on the same rows.

    Raises:
        ValueError: No threshold reaches the precision.
    """
    probabilities = softmax(logits, axis=1)
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == relations
    for threshold in np.arange(1 / len(RELATIONS), 1.0, 0.01):
        answered = confidence >= threshold
        if answered.any() and right[answered].mean() >= precision:
            return {
                "threshold": round(float(threshold), 2),
                "precision": float(right[answered].mean()),
                "coverage": float(answered.mean()),
            }
    raise ValueError(f"no confidence gives a precision of {precision} on dev: ask for less")


def cosine_baseline(
    calibration: tuple[NDArray[Any], NDArray[np.int64]],
    report: tuple[NDArray[Any], NDArray[np.int64]],
) -> dict[str, float]:
    """What a cosine can tell: a decision tree with three cuts, grown on the calibration rows."""
    tree = DecisionTreeClassifier(max_leaf_nodes=len(RELATIONS), class_weight="balanced")
    tree.fit(calibration[0][:, None], calibration[1])
    guess = tree.predict_proba(report[0][:, None])
    return relation_figures(guess.astype(np.float32), report[1])

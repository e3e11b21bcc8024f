"""Dev figures of a discriminator, its reliability, and the baselines beside it.

A discriminator is judged as a function from pairs to (pairs, 4) logits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.tree import DecisionTreeClassifier

from training import corpus, public
from training.corpus import Contrast, Exclusion
from training.edited_contrasts import edited_contrasts
from training.evaluation import metrics
from training.evaluation.encoding import Encode
from training.pair.relations import POSSIBLE, RELATIONS
from training.pair.rows import Part, dev_pairs
from training.pair.scaling import Logits
from training.pair.similarity import sentence_similarities

Score = Callable[[Sequence[tuple[str, str]]], Logits]
# Pairs of a query and a passage to one number each, (pairs,).
Relevance = Callable[[Sequence[tuple[str, str]]], NDArray[np.float32]]

# Pairs to (pairs, numbers), for a baseline.
Features = Callable[[Sequence[tuple[str, str]]], NDArray[Any]]

CONTRADICTION = RELATIONS.index("contradiction")


def both_orders(score: Score) -> Score:
    """Average the logits of (a, b) and (b, a), so that the relation is symmetric exactly."""

    def symmetric(pairs: Sequence[tuple[str, str]]) -> Logits:
        swapped = [(second, first) for first, second in pairs]
        return ((score(pairs) + score(swapped)) / 2).astype(np.float32)

    return symmetric


def with_similarity(relevance: Relevance, encode: Encode, scale: float) -> Relevance:
    """Add an encoder's cosine, at a scale, to the relevance: what passages are ranked by."""

    def ranked_by(pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        return (relevance(pairs) + scale * sentence_similarities(encode, pairs)).astype(np.float32)

    return ranked_by


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


def relevance_figures(relevance: Relevance) -> dict[str, float]:
    """Order by relevance on the distilled dev rows: contrasts (chance 25), exclusions (50)."""
    contrasts = {
        "contrast": corpus.contrasts("dev"),
        "contrast_wide": corpus.wide_contrasts(),
        "contrast_edited": edited_contrasts(),
    }
    orders = {name: contrast_order(relevance, rows) for name, rows in contrasts.items() if rows}
    return {**orders, "exclusion": exclusion_order(relevance, corpus.exclusions("dev"))}


def contrast_order(relevance: Relevance, twins: Sequence[Contrast]) -> float:
    """Share of the contrasts whose queries both prefer their own passage."""
    pairs = [
        (query, passage)
        for row in twins
        for query in (row.query_a, row.query_b)
        for passage in (row.doc_a, row.doc_b)
    ]
    return metrics.pairwise_accuracy(relevance(pairs).reshape(len(twins), 2, 2))


def exclusion_order(relevance: Relevance, rows: Sequence[Exclusion]) -> float:
    """Share in order of a passage that respects an exclusion and one that does not."""
    pairs = [(row.query, text) for row in rows for text in (*row.relevant, *row.violating)]
    scores = iter(relevance(pairs))
    shares = []
    for row in rows:
        sides = [
            np.array(list(islice(scores, len(texts)))) for texts in (row.relevant, row.violating)
        ]
        shares.append(metrics.share_above(*sides))
    return float(np.mean(shares))


def strangers(score: Score) -> float:
    """Share of pairs of anchors of different dev groups that are called contradictions (best 0)."""
    anchors = [group.anchor for group in corpus.groups("dev")]
    logits = score(list(zip(anchors, (*anchors[1:], anchors[0]), strict=True)))
    return float(np.mean(logits.argmax(axis=1) == CONTRADICTION))


def contradiction_auc(score: Score, name: str, count: int | None = None) -> float | None:
    """AUC of the contradiction score for contradiction against everything else in a public set.

    Args:
        score: The discriminator.
        name: The set.
        count: Use only so many of its pairs, taken evenly.
    """
    return auc_of("contradiction", score, name, POSSIBLE["contradiction"], count)


def entailment_auc(score: Score, name: str) -> float | None:
    """AUC of the equivalence score for entailment against everything else in a public set.

    For sets without contradictions. What follows one way only is neutral by our relations, so that
    even a perfect judge of them stays under 1; what counts is the distance to other judges.
    """
    return auc_of("equivalence", score, name, POSSIBLE["entailment"])


def auc_of(
    relation: str, score: Score, name: str, positive: int, count: int | None = None
) -> float | None:
    """AUC of a relation's probability for the labels that leave `positive`, else None."""
    rows = [row for row in public.load(name) if row["label"] in POSSIBLE]
    rows = rows[:: max(1, len(rows) // count)] if count else rows
    gold = [POSSIBLE[row["label"]] == positive for row in rows]
    if len(set(gold)) < 2:
        return None
    logits = score([(row["a"], row["b"]) for row in rows])
    return float(roc_auc_score(gold, softmax(logits, axis=1)[:, RELATIONS.index(relation)]))


def dev_arrays(part: Part = "all") -> tuple[list[tuple[str, str]], NDArray[np.int64]]:
    """The pairs of a part of the distilled dev groups and their relations."""
    rows = dev_pairs(part)
    return [(a, b) for a, b, _ in rows], np.array([relation for _, _, relation in rows])


@dataclass(frozen=True)
class Bins:
    """Answers by their confidence: for each bin that has some, means and share of all answers."""

    confidence: NDArray[np.float64]
    right: NDArray[np.float64]
    share: NDArray[np.float64]


def reliability(logits: Logits, relations: NDArray[np.int64], bins: int = 10) -> Bins:
    """How often answers are right that are given with like confidence."""
    probabilities = softmax(logits, axis=1)
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == relations
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    masks = [which == number for number in range(bins) if np.any(which == number)]
    return Bins(
        confidence=np.array([confidence[mask].mean() for mask in masks]),
        right=np.array([right[mask].mean() for mask in masks]),
        share=np.array([mask.mean() for mask in masks]),
    )


def expected_calibration_error(
    logits: Logits, relations: NDArray[np.int64], bins: int = 10
) -> float:
    """Mean gap between confidence and share of right answers, over bins of confidence."""
    found = reliability(logits, relations, bins)
    return float(np.sum(np.abs(found.confidence - found.right) * found.share))


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


def grow_tree(
    features: Features, rows: tuple[Sequence[tuple[str, str]], NDArray[np.int64]], leaves: int
) -> Score:
    """What a few numbers of a pair can tell: a decision tree, grown on the calibration rows.

    Args:
        features: Pairs to (pairs, numbers).
        rows: Pairs and their relations, of which all occur.
        leaves: At most so many; with one number the cuts are one fewer.

    Returns:
        Pairs to the logarithms of the tree's probabilities.
    """
    pairs, relations = rows
    tree = DecisionTreeClassifier(max_leaf_nodes=leaves, class_weight="balanced", random_state=0)
    tree.fit(features(pairs), relations)

    def score(others: Sequence[tuple[str, str]]) -> Logits:
        probabilities = tree.predict_proba(features(others))
        return np.log(np.maximum(probabilities, 1e-6)).astype(np.float32)

    return score

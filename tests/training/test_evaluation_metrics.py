"""The dev figures, on cases that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import ArrayLike

from training.evaluation import metrics


@pytest.mark.parametrize(
    ("scores", "accuracy"),
    [
        ([[[0.9, 0.1], [0.2, 0.8]]], 1.0),
        ([[[0.1, 0.9], [0.8, 0.2]]], 0.0),
        ([[[0.9, 0.1], [0.8, 0.2]]], 0.0),
        ([[[0.5, 0.5], [0.2, 0.8]]], 0.0),
        ([[[0.9, 0.1], [0.2, 0.8]], [[0.9, 0.1], [0.8, 0.2]]], 0.5),
    ],
    ids=["both own", "both the other's", "always the first", "a tie", "one of two"],
)
def test_a_contrast_counts_if_both_queries_prefer_their_own(
    scores: ArrayLike, accuracy: float
) -> None:
    assert metrics.pairwise_accuracy(np.array(scores, dtype=np.float32)) == accuracy


@pytest.mark.parametrize("preferred", [0, 1])
def test_a_model_that_always_prefers_one_twin_gets_nothing(preferred: int) -> None:
    scores = np.random.default_rng(0).uniform(-0.1, 0.1, size=(50, 2, 2)).astype(np.float32)
    scores[:, :, preferred] += 1
    assert metrics.pairwise_accuracy(scores) == 0.0


def test_guessing_gets_a_quarter_of_the_contrasts() -> None:
    scores = np.random.default_rng(0).normal(size=(20000, 2, 2)).astype(np.float32)
    assert metrics.pairwise_accuracy(scores) == pytest.approx(0.25, abs=0.01)


def test_share_above_counts_all_combinations() -> None:
    higher, lower = np.array([0.9, 0.4]), np.array([0.3, 0.5, 0.4])
    # 0.9 is above all three; 0.4 is above 0.3 only: a tie is not above.
    assert metrics.share_above(higher, lower) == pytest.approx(4 / 6)


def test_auc_is_the_share_of_pairs_in_order() -> None:
    scores = np.array([0.9, 0.7, 0.6, 0.2])
    assert metrics.auc(scores, np.array([True, False, True, False])) == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("gold", "correlation"), [([1, 2, 3, 4], 1.0), ([4, 3, 2, 1], -1.0), ([1, 3, 2, 4], 0.8)]
)
def test_spearman_looks_at_ranks_alone(gold: list[float], correlation: float) -> None:
    scores = np.exp([0.0, 1.0, 2.0, 5.0])
    assert metrics.spearman(scores, np.array(gold)) == pytest.approx(correlation)


def ranking(queries: int) -> metrics.Array:
    """Twelve documents in falling order of score, for each query."""
    return np.tile(np.arange(12, 0, -1, dtype=np.float32), (queries, 1))


def test_ndcg_discounts_by_the_rank_of_the_one_relevant_document() -> None:
    # The last is outside the first ten.
    figure = metrics.ndcg_at_10(ranking(4), [[0], [1], [9], [10]])
    assert figure == pytest.approx((1 + 1 / np.log2(3) + 1 / np.log2(11) + 0) / 4)


def test_ndcg_is_held_against_the_best_order_of_all_relevant_documents() -> None:
    ideal = 1 + 1 / np.log2(3)
    figure = metrics.ndcg_at_10(ranking(2), [[0, 1], [1, 3]])
    assert figure == pytest.approx((1 + (1 / np.log2(3) + 1 / np.log2(5)) / ideal) / 2)


def test_ndcg_asks_no_more_than_ten_places_of_many_relevant_documents() -> None:
    assert metrics.ndcg_at_10(ranking(1), [list(range(12))]) == pytest.approx(1)

"""Candidates in another order, with encoders and judges whose answers are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from encoders import oracle
from numpy.typing import NDArray

from training.pair import reranking
from training.pair.reranking import Reranked, Search, choose_scale, rerank, searches

PASSAGES = [f"Passage {number}." for number in range(60)]
QUERIES = [f"Query {number}?" for number in range(8)]
SEARCH = Search(QUERIES, PASSAGES, [[number] for number in range(8)])
DISTILLED = {"contrast", "exclusion", "exclusion_search"}
OWN = dict(zip(QUERIES, PASSAGES, strict=False))


def judge(answers: dict[str, str]) -> reranking.Relevance:
    def relevance(pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        return np.array([4.0 if answers[q] == p else -4.0 for q, p in pairs], dtype=np.float32)

    return relevance


def test_only_the_nearest_passages_are_judged() -> None:
    judged: list[tuple[str, str]] = []

    def relevance(pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        judged.extend(pairs)
        return np.zeros(len(pairs), dtype=np.float32)

    encode = oracle(OWN)
    found = rerank(SEARCH, encode, relevance)
    assert len(judged) == len(set(judged)) == len(QUERIES) * reranking.DEPTH
    assert np.isfinite(found.cosine).sum(axis=1).tolist() == [reranking.DEPTH] * len(QUERIES)
    dropped = (encode(QUERIES) @ encode(PASSAGES).T)[~np.isfinite(found.cosine)]
    assert dropped.max() < np.sort(found.cosine, axis=1)[:, -5].min()
    # Relevances that are alike leave the encoder's order.
    assert found.after(5.0, half=1) == found.before(half=1) == 1.0


def test_the_better_of_two_orders_counts_for_more() -> None:
    wrong = {query: PASSAGES[number + 1] for number, query in enumerate(QUERIES)}
    right_judge = rerank(SEARCH, oracle(wrong), judge(OWN))
    right_encoder = rerank(SEARCH, oracle(OWN), judge(wrong))
    assert right_judge.before(half=0) < right_judge.after(0.0, half=0) == 1.0
    assert choose_scale({"any": right_judge}) == 0.0
    assert choose_scale({"any": right_encoder}) > 5.0


def test_the_halves_are_every_second_query() -> None:
    similarity = np.array([[0.9, 0.1], [0.9, 0.1]], dtype=np.float32)
    found = Reranked(similarity, similarity, np.zeros_like(similarity), [[0], [1]])
    assert found.before(half=0) == 1.0
    assert found.before(half=1) == pytest.approx(1 / np.log2(3))


def test_an_answer_that_is_no_candidate_is_not_found() -> None:
    similarity = np.array([[0.1, -np.inf]] * 2, dtype=np.float32)
    score = np.array([[0.0, 1.0]] * 2, dtype=np.float32)
    found = Reranked(similarity, np.zeros_like(score), score, [[1], [1]])
    # It comes last of the two, whatever its relevance.
    assert found.after(0.0, half=1) == pytest.approx(1 / np.log2(3))


def test_the_hard_dev_searches_share_a_pool_and_the_ordinary_ones_have_their_own() -> None:
    found = searches()
    assert set(found) == {*DISTILLED, "medquad", "perspectives"}
    contrast, exclusion = found["contrast"], found["exclusion"]
    assert contrast.passages == exclusion.passages
    assert not set(contrast.passages).intersection(found["exclusion_search"].passages)
    for search in found.values():
        assert len(set(search.passages)) == len(search.passages)
        assert len(search.queries) == len(search.relevant)
        assert all(0 <= place < len(search.passages) for row in search.relevant for place in row)


@pytest.mark.usefixtures("no_public_data")
def test_without_the_public_sets_the_distilled_searches_remain() -> None:
    assert set(searches()) == DISTILLED

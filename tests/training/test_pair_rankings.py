"""Rankings for the relevance head: what stands before what, and what the loss makes of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import islice
from random import Random
from zlib import crc32

import numpy as np
import pytest
import torch
from encoders import oracle

from training import corpus
from training.evaluation.encoding import Vectors, unit
from training.pair import rankings
from training.pair.config import RankingKind
from training.pair.loss import relevance_loss
from training.pair.rankings import SOURCES, Ranking, answered, beside_others, with_similarities
from training.pair.search import NEAREST

BUNDLED = ("twins", "exclusions", "keywords", "topics")


@pytest.mark.parametrize("source", SOURCES)
def test_the_seed_decides_and_a_longer_run_begins_as_a_shorter_one(source: str) -> None:
    kind = RankingKind(share=0.5, rows=3)
    encode = oracle({})
    drawn = rankings.draw(source, kind, 20, 1, encode)
    assert len(drawn) in (0, 30)
    assert rankings.draw(source, kind, 10, 1, encode) == drawn[:15]
    assert not drawn or rankings.draw(source, kind, 20, 2, encode) != drawn


def test_the_latest_rows_of_the_corpus_can_be_drawn_alone() -> None:
    kind = RankingKind(share=1.0, rows=1, latest=3)
    drawn = rankings.draw("exclusions", kind, 20, 1, oracle({}))
    rows = corpus.exclusions("train")[-3:]
    assert {ranking.query for ranking in drawn} == {
        query for row in rows for query in (row.query, row.inclusion) if query
    }


@pytest.mark.parametrize("source", BUNDLED)
def test_rankings_of_a_source_have_the_same_columns_and_differing_passages(source: str) -> None:
    drawn = list(islice(SOURCES[source](Random(0)), 60))
    assert len({tuple(ranking.columns()) for ranking in drawn}) == 1
    for ranking in drawn:
        passages = (ranking.positive, *ranking.negatives)
        assert len({*passages}) == len(passages)


def test_twins_are_ranked_from_both_queries() -> None:
    known = {row.query_a: row for row in corpus.contrasts("train")}
    drawn = list(islice(SOURCES["twins"](Random(0)), 200))
    for first, second in zip(drawn[::2], drawn[1::2], strict=True):
        row = known[first.query]
        assert second.query == row.query_b
        assert (second.positive, *second.negatives) == (*first.negatives, first.positive)
        assert first.positive in row.doc_a


def test_an_exclusion_is_ranked_from_both_of_its_queries() -> None:
    wanted = {row.query: (row.relevant, row.violating) for row in corpus.exclusions("train")}
    wanted |= {
        row.inclusion: (row.violating, row.relevant)
        for row in corpus.exclusions("train")
        if row.inclusion
    }
    excluding = {row.query for row in corpus.exclusions("train")}
    drawn = list(islice(SOURCES["exclusions"](Random(0)), 200))
    for ranking in drawn:
        relevant, violating = wanted[ranking.query]
        assert ranking.positive in relevant
        assert ranking.negatives == violating
    assert 80 < sum(ranking.query in excluding for ranking in drawn) < 120


def test_of_the_twin_of_a_passage_it_is_settled_what_it_is() -> None:
    twins = {row.doc_a: row.doc_b for row in corpus.contrasts("train")}
    twins |= {twin: passage for passage, twin in twins.items()}
    drawn = list(islice(SOURCES["topics"](Random(0)), 300))
    assert all({*twins} & {*ranking.settled} or ranking.positive not in twins for ranking in drawn)
    for ranking in drawn:
        assert ranking.positive in ranking.settled
        assert twins.get(ranking.positive, ranking.positive) in ranking.settled


def by_topic(texts: Sequence[str]) -> Vectors:
    """Texts that begin with the same word lie near each other; the nearer, the smaller the last."""
    rows = []
    for text in texts:
        first, *_, last = text.strip(".").split()
        row = np.random.default_rng(crc32(first.encode())).normal(size=32)
        away = np.random.default_rng(crc32(text.encode())).normal(size=32)
        rows.append(row + 0.08 * int(last) * away)
    return unit(np.array(rows))


def test_passages_that_the_encoder_finds_stand_beside_the_answer_and_some_from_anywhere() -> None:
    texts = [f"{topic} number {place}" for topic in ("boat", "kiln", "bow") for place in range(9)]
    asked = [Ranking(f"{text.split()[0]} query 0", text, (), (text,)) for text in texts[::9]]
    kind = RankingKind(share=1.0, rows=1, near=3, far=2)
    elsewhere = 0
    for seed in range(10):
        complete = beside_others(asked, texts, kind, Random(seed), by_topic)
        assert [ranking.query for ranking in complete] == [ranking.query for ranking in asked]
        for ranking in complete:
            topic = ranking.positive.split()[0]
            assert len({*ranking.passages}) == 1 + kind.near + kind.far
            elsewhere += sum(not text.startswith(topic) for text in ranking.negatives[kind.near :])
    assert elsewhere > 30


def test_what_is_nearer_than_the_answer_is_no_negative_unless_the_source_says_so() -> None:
    texts = [f"boat number {place}" for place in range(12)]
    twin = Ranking("boat query 0", texts[3], (texts[0],), (texts[3], texts[0]))
    kind = RankingKind(share=1.0, rows=1, near=1)
    vectors = by_topic([twin.query, *texts])
    similar = dict(zip(texts, vectors[1:] @ vectors[0], strict=True))
    allowed = {text for text, score in similar.items() if score < NEAREST * similar[texts[3]]}
    assert 2 < len(allowed) < 10
    for seed in range(20):
        (ranking,) = beside_others([twin], texts, kind, Random(seed), by_topic)
        own, near = ranking.negatives
        assert own == texts[0]
        assert near in allowed


def test_beside_a_part_of_a_passage_stand_parts_of_others() -> None:
    long = [f"{topic} first 0. Second 0. Third 0. Fourth 0" for topic in ("kiln", "bow", "tide")]
    part = Ranking("boat query 0", "boat second 0.", (), ("boat first 0. boat second 0.",))
    kind = RankingKind(share=1.0, rows=1, far=2)
    seen = set()
    for seed in range(20):
        (ranking,) = beside_others([part], long, kind, Random(seed), by_topic)
        for text in ranking.negatives:
            assert any(text in whole for whole in long)
            seen.add(text)
    assert len(seen) > 6


def test_rankings_carry_the_cosines_of_their_passages() -> None:
    drawn = list(islice(SOURCES["exclusions"](Random(0)), 5))
    encode = oracle({drawn[0].query: drawn[0].positive})
    for ranking, row in zip(drawn, with_similarities(drawn, encode), strict=True):
        label = row.pop("label")
        assert row == ranking.columns()
        vectors = encode([ranking.query, *ranking.passages])
        assert label == pytest.approx((vectors[1:] @ vectors[0]).tolist(), abs=1e-6)
    assert with_similarities(drawn, encode)[0]["label"][0] == pytest.approx(1.0)


def test_all_answers_of_a_query_are_left_out() -> None:
    texts = [f"boat number {place}" for place in range(9)]
    answers = [("first query 0", text) for text in texts[:3]]
    answers += [("second query 0", text) for text in texts[2:5]]
    known = {"first query 0": {*texts[:3]}, "second query 0": {*texts[2:5]}}
    kind = RankingKind(share=1.0, rows=1, far=3)
    for seed in range(10):
        drawn = beside_others(answered(answers), texts, kind, Random(seed), by_topic)
        assert len(drawn) == len(answers)
        for ranking in drawn:
            assert not known[ranking.query] & {*ranking.negatives}


def test_a_ranking_without_enough_passages_beside_it_is_left_out() -> None:
    texts = ["boat number 0", "kiln number 0"]
    asked = [Ranking("boat query 0", texts[0], (), (texts[0],))]
    enough, many = (RankingKind(share=1.0, rows=1, far=far) for far in (1, 2))
    (ranking,) = beside_others(asked, texts, enough, Random(0), by_topic)
    assert ranking.negatives == (texts[1],)
    assert beside_others(asked, texts, many, Random(0), by_topic) == []


def test_a_ranking_is_as_long_as_all_that_is_run_for_it() -> None:
    assert len(Ranking("ab", "cdef", ("g", "hij"))) == 3 * 2 + 4 + 1 + 3


def test_the_relevance_loss_is_what_its_docstring_says() -> None:
    scores = [[2.0, -1.0, 0.5], [0.0, 1.0, -2.0]]

    def log_sigmoid(score: float) -> float:
        return -math.log(1 + math.exp(-score))

    expected = 0.0
    for first, *others in scores:
        total = sum(math.exp(score) for score in (first, *others))
        expected -= math.log(math.exp(first) / total)
        binary = log_sigmoid(first) + sum(log_sigmoid(-score) for score in others) / len(others)
        expected -= 0.5 * binary / 2
    loss = relevance_loss(torch.tensor(scores)).item()
    assert loss == pytest.approx(expected / len(scores), rel=1e-6)

"""Rankings for the relevance head: what stands before what, and what the loss makes of it."""

from __future__ import annotations

import math
from itertools import islice
from random import Random

import pytest
import torch
from encoders import oracle

from training import corpus
from training.config import Kind
from training.pair import rankings
from training.pair.loss import relevance_loss
from training.pair.rankings import FAR, NEAR, SOURCES, Ranking, looked_up, with_cosines

BUNDLED = ("twins", "exclusions", "keywords", "topics")


@pytest.mark.parametrize("source", SOURCES)
def test_the_seed_decides_and_a_longer_run_begins_as_a_shorter_one(source: str) -> None:
    kind = Kind(share=0.5, rows=3)
    drawn = rankings.draw(source, kind, 20, seed=1)
    assert len(drawn) in (0, 30)
    assert rankings.draw(source, kind, 10, seed=1) == drawn[:15]
    assert not drawn or rankings.draw(source, kind, 20, seed=2) != drawn


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


def test_a_query_never_stands_before_the_twin_of_its_passage_as_another_topic() -> None:
    twins = {row.doc_a: row.doc_b for row in corpus.contrasts("train")}
    twins |= {twin: passage for passage, twin in twins.items()}
    for ranking in islice(SOURCES["topics"](Random(0)), 300):
        assert twins.get(ranking.positive) not in ranking.negatives


def test_passages_that_share_words_are_looked_up_and_one_from_anywhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rankings, "NEIGHBOURS", 8)
    topics = ("boat harbour tide", "kiln glaze clay", "violin string bow")
    texts = [f"{topic} number{place}" for topic in topics for place in range(8)]
    answers = [(f"query {number}", text) for number, text in enumerate(texts)]
    elsewhere = 0
    for ranking in islice(looked_up(answers, Random(0)), 48):
        topic = ranking.positive.rpartition(" ")[0]
        assert len(ranking.negatives) == NEAR + FAR
        assert all(text.startswith(topic) for text in ranking.negatives[:NEAR])
        elsewhere += sum(not text.startswith(topic) for text in ranking.negatives[NEAR:])
    assert elsewhere > 20


def test_rankings_carry_the_cosines_of_their_passages() -> None:
    drawn = list(islice(SOURCES["exclusions"](Random(0)), 5))
    encode = oracle({drawn[0].query: drawn[0].positive})
    for ranking, row in zip(drawn, with_cosines(drawn, encode), strict=True):
        label = row.pop("label")
        assert row == ranking.columns()
        vectors = encode([ranking.query, *ranking.passages])
        assert label == pytest.approx((vectors[1:] @ vectors[0]).tolist(), abs=1e-6)
    assert with_cosines(drawn, encode)[0]["label"][0] == pytest.approx(1.0)


def test_all_answers_of_a_query_are_left_out_also_where_a_passage_answers_others_too() -> None:
    texts = [f"boat harbour tide number{place}" for place in range(9)]
    answers = [("first", text) for text in texts[:3]] + [("second", text) for text in texts[2:5]]
    answers += [(f"query {number}", text) for number, text in enumerate(texts[5:])]
    known = {"first": {*texts[:3]}, "second": {*texts[2:5]}}
    drawn = list(islice(looked_up(answers, Random(0)), 40))
    assert {"first", "second"} <= {ranking.query for ranking in drawn}
    for ranking in drawn:
        assert not known.get(ranking.query, set()) & {*ranking.negatives}


def test_too_few_passages_give_no_rankings_rather_than_an_endless_search() -> None:
    answers = [("where is the boat?", "boat harbour"), ("where is the kiln?", "kiln glaze")]
    assert list(looked_up(answers, Random(0))) == []


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

"""Queries with a passage that answers them and passages that do not, for the relevance output.

A cross-encoder that saw contrast rows alone would know which of two twins to take and no longer
what a passage is about. So a query also stands beside passages that the encoder's own search
finds for it, which is what a reranker is given, and beside passages from anywhere.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from training import corpus, public
from training.evaluation.encoding import Encode
from training.keyword_queries import keyword_queries
from training.pair.config import RankingKind
from training.pair.search import search
from training.pair.similarity import sentence_similarities
from training.row import Row, last, numbered, passes
from training.rows import passages_of, sentences

# Rankings whose passages are searched, at least: among few the nearest would not be near.
SEARCHED = 400


@dataclass(frozen=True)
class Ranking:
    """A query, the passage that answers it, and passages that do not.

    Args:
        query: The query.
        positive: The passage that answers it, whole or in part.
        negatives: Passages that do not; the same number in all rankings of a source.
        settled: Whole passages of which it is known whether they answer: a search leaves them out.
    """

    query: str
    positive: str
    negatives: tuple[str, ...]
    settled: tuple[str, ...] = ()

    def columns(self) -> Row:
        """The texts as a row of a data set."""
        rest = numbered("negative", self.negatives)
        return {"query": self.query, "positive": self.positive, **rest}

    @property
    def passages(self) -> tuple[str, ...]:
        """All passages, the one that answers first."""
        return (self.positive, *self.negatives)

    def __len__(self) -> int:
        """Characters of all that is run for it."""
        return len(self.passages) * len(self.query) + sum(map(len, self.passages))


def with_similarities(rankings: Sequence[Ranking], encode: Encode) -> list[dict[str, Any]]:
    """Rankings as rows with how similar the query is to each of their passages, under `label`.

    Args:
        rankings: At least one, all of one source.
        encode: The encoder that the relevance output is to correct; it should remember its vectors.
    """
    pairs = [(ranking.query, text) for ranking in rankings for text in ranking.passages]
    found = sentence_similarities(encode, pairs).reshape(len(rankings), -1)
    return [
        {**ranking.columns(), "label": own.tolist()}
        for ranking, own in zip(rankings, found, strict=True)
    ]


def draw(kind: str, settings: RankingKind, steps: int, seed: int, encode: Encode) -> list[Ranking]:
    """Draw the rankings of one source for a run; an empty list where the source is not there.

    Args:
        kind: The source.
        settings: Its share of the steps, rows a step, and how many passages are looked up.
        steps: Steps of the run.
        seed: Of the order.
        encode: The encoder whose search finds the passages near a query.

    Raises:
        KeyError: There is no such source, or it is not of the corpus and `latest` is asked of it.
    """
    rng = random.Random(f"{seed}/ranking/{kind}")
    source = LATEST[kind](rng, settings.latest) if settings.latest else SOURCES[kind](rng)
    drawn = list(islice(source, round(steps * settings.share) * settings.rows))
    if not drawn or not settings.near + settings.far:
        return drawn
    further = islice(source, max(0, SEARCHED - len(drawn)))
    pool = dict.fromkeys(text for ranking in (*drawn, *further) for text in ranking.settled)
    return beside_others(drawn, list(pool), settings, rng, encode)


def beside_others(
    rankings: Sequence[Ranking],
    pool: Sequence[str],
    settings: RankingKind,
    rng: random.Random,
    encode: Encode,
) -> list[Ranking]:
    """Set passages near the query, and some from anywhere, beside those of each ranking.

    A ranking for which the pool has too few is left out, so that all have as many.
    """
    found = search(
        [ranking.query for ranking in rankings],
        [ranking.positive for ranking in rankings],
        [ranking.settled for ranking in rankings],
        pool,
        encode,
    )
    completed = (
        beside(ranking, hits, pool, settings, rng)
        for ranking, hits in zip(rankings, found, strict=True)
    )
    return [ranking for ranking in completed if ranking is not None]


def beside(
    ranking: Ranking,
    hits: Sequence[str],
    pool: Sequence[str],
    settings: RankingKind,
    rng: random.Random,
) -> Ranking | None:
    """Set other passages beside those of one ranking; None where there are too few of them.

    Where too few near ones were found, some from anywhere take their place.
    """
    wanted = settings.near + settings.far
    near = rng.sample(hits, min(settings.near, len(hits)))
    left_out = {*ranking.settled, *near}
    # Some more than are needed, since some may be among those.
    drawn = rng.sample(pool, min(len(pool), wanted + len(left_out)))
    others = [*near, *(text for text in drawn if text not in left_out)][:wanted]
    if len(others) < wanted:
        return None
    if ranking.positive not in ranking.settled:
        # It is a part of its passage: so are they, or their length would tell.
        others = [excerpt(text, rng) for text in others]
    return Ranking(ranking.query, ranking.positive, (*ranking.negatives, *others), ranking.settled)


def excerpt(text: str, rng: random.Random) -> str:
    """Some consecutive sentences of a passage."""
    parts = sentences(text)
    first, last = sorted(rng.randrange(len(parts)) for _ in range(2))
    return " ".join(parts[first : last + 1])


def twin_rankings(rng: random.Random, latest: int = 0) -> Iterator[Ranking]:
    """A query before its passage and the passage's twin, in which one clause is reversed."""
    for row in passes(last(corpus.contrasts("train"), latest), rng):
        doc_a, doc_b = passages_of(row, rng)
        whole = (row.doc_a, row.doc_b)
        yield Ranking(row.query_a, doc_a, (doc_b,), whole)
        yield Ranking(row.query_b, doc_b, (doc_a,), whole)


def exclusion_rankings(rng: random.Random, latest: int = 0) -> Iterator[Ranking]:
    """A query that excludes something before a passage that respects it and two that do not.

    Where the query for just what is excluded is known, it stands before the same passages.
    """
    for row in passes(last(corpus.exclusions("train"), latest), rng):
        whole = (*row.relevant, *row.violating)
        yield Ranking(row.query, rng.choice(row.relevant), row.violating, whole)
        if row.inclusion:
            yield Ranking(row.inclusion, rng.choice(row.violating), row.relevant, whole)


def keyword_rankings(rng: random.Random) -> Iterator[Ranking]:
    """A query for one word without, or with, another before texts that differ in the other."""
    for row in keyword_queries(rng):
        whole = (*row.relevant, *row.violating)
        yield Ranking(row.query, row.relevant[0], row.violating, whole)


def topic_rankings(rng: random.Random) -> Iterator[Ranking]:
    """A query of the corpus before its passage, to be set beside passages of other rows."""
    answers = [
        Ranking(query, passage, (), (row.doc_a, row.doc_b))
        for row in corpus.contrasts("train")
        for query, passage in ((row.query_a, row.doc_a), (row.query_b, row.doc_b))
    ]
    answers += [
        Ranking(row.query, row.relevant[0], (), (*row.relevant, *row.violating))
        for row in corpus.exclusions("train")
    ]
    yield from passes(answers, rng)


def question_rankings(rng: random.Random) -> Iterator[Ranking]:
    """A question before the passage that answers it."""
    passages = {row["id"]: row["text"] for row in public.load("medquad/corpus")}
    answers = [
        (pair["query"], passages[pair["positive_doc_id"]])
        for pair in public.load("medquad/train_pairs")
    ]
    yield from passes(answered(answers), rng)


def claim_rankings(rng: random.Random) -> Iterator[Ranking]:
    """A claim before the evidence on it, for it or against it."""
    answers = [(row["b"], row["a"]) for row in public.load("fever_dev/train")]
    yield from passes(answered(answers), rng)


def answered(answers: Sequence[tuple[str, str]]) -> list[Ranking]:
    """Rankings of queries with their passages; all answers of a query are known to be some."""
    known: dict[str, dict[str, None]] = {}
    for query, passage in answers:
        known.setdefault(query, {})[passage] = None
    return [Ranking(query, passage, (), tuple(known[query])) for query, passage in answers]


SOURCES: dict[str, Callable[[random.Random], Iterator[Ranking]]] = {
    "twins": twin_rankings,
    "exclusions": exclusion_rankings,
    "keywords": keyword_rankings,
    "topics": topic_rankings,
    "questions": question_rankings,
    "claims": claim_rankings,
}

# The sources of which the last rows of the corpus alone can be drawn.
LATEST: dict[str, Callable[[random.Random, int], Iterator[Ranking]]] = {
    "twins": twin_rankings,
    "exclusions": exclusion_rankings,
}

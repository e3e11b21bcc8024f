"""Queries with a passage that answers them and passages that do not, for the relevance output.

A cross-encoder that saw contrast rows alone would know which of two twins to take and no longer
what a passage is about; so queries also stand beside passages of other topics.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from training import corpus, public
from training.config import Kind
from training.evaluation.encoding import Encode, Remembered
from training.evaluation.tasks import similarities
from training.keyword_queries import keyword_queries
from training.neighbours import neighbours
from training.row import Row, numbered, passes
from training.rows import passages_of

# Passages beside the one that answers, where they are looked up: some of those near it, and some
# from anywhere, or what has nothing to do with the query would be scored as chance has it.
NEAR, FAR = 2, 1
# How many near passages these are drawn from.
NEIGHBOURS = 30
# Passages whose neighbours are looked up together.
LOOKED_UP = 2000


@dataclass(frozen=True)
class Ranking:
    """A query, the passage that answers it, and passages that do not."""

    query: str
    positive: str
    negatives: tuple[str, ...]

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


def with_cosines(rankings: Sequence[Ranking], encode: Encode) -> list[dict[str, Any]]:
    """Rankings as rows with the query's cosine with each of their passages, under `label`.

    Args:
        rankings: All of one source.
        encode: The encoder that the relevance output is to correct.
    """
    encode = Remembered(encode)
    encode([text for ranking in rankings for text in (ranking.query, *ranking.passages)])
    return [
        {
            **ranking.columns(),
            "label": similarities(encode, ranking.query, ranking.passages).tolist(),
        }
        for ranking in rankings
    ]


def draw(kind: str, settings: Kind, steps: int, seed: int) -> list[Ranking]:
    """Draw the rankings of one source for a run; an empty list where the source is not there.

    Raises:
        KeyError: There is no such source.
    """
    rng = random.Random(f"{seed}/ranking/{kind}")
    return list(islice(SOURCES[kind](rng), round(steps * settings.share) * settings.rows))


def twin_rankings(rng: random.Random) -> Iterator[Ranking]:
    """A query before its passage and the passage's twin, in which one clause is reversed."""
    for row in passes(corpus.contrasts("train"), rng):
        doc_a, doc_b = passages_of(row, rng)
        yield Ranking(row.query_a, doc_a, (doc_b,))
        yield Ranking(row.query_b, doc_b, (doc_a,))


def exclusion_rankings(rng: random.Random) -> Iterator[Ranking]:
    """A query that excludes something before a passage that respects it and two that do not.

    Where the query for just what is excluded is known, it stands before the same passages.
    """
    for row in passes(corpus.exclusions("train"), rng):
        yield Ranking(row.query, rng.choice(row.relevant), row.violating)
        if row.inclusion:
            yield Ranking(row.inclusion, rng.choice(row.violating), row.relevant)


def keyword_rankings(rng: random.Random) -> Iterator[Ranking]:
    """A query for one word without, or with, another before texts that differ in the other."""
    for row in keyword_queries(rng):
        yield Ranking(row.query, row.relevant[0], row.violating)


def topic_rankings(rng: random.Random) -> Iterator[Ranking]:
    """A query of the corpus before its passage and passages of other rows that share its words."""
    answers = [(row.query_a, row.doc_a) for row in corpus.contrasts("train")]
    answers += [(row.query_b, row.doc_b) for row in corpus.contrasts("train")]
    answers += [(row.query, row.relevant[0]) for row in corpus.exclusions("train")]
    twins = {row.doc_a: row.doc_b for row in corpus.contrasts("train")}
    twins |= {twin: passage for passage, twin in twins.items()}
    yield from looked_up(answers, rng, twins)


def question_rankings(rng: random.Random) -> Iterator[Ranking]:
    """A question before the passage that answers it and passages that share its words."""
    passages = {row["id"]: row["text"] for row in public.load("medquad/corpus")}
    answers = [
        (pair["query"], passages[pair["positive_doc_id"]])
        for pair in public.load("medquad/train_pairs")
    ]
    yield from looked_up(answers, rng)


def claim_rankings(rng: random.Random) -> Iterator[Ranking]:
    """A claim before the evidence on it, for it or against it, and other evidence."""
    answers = [(row["b"], row["a"]) for row in public.load("fever_dev/train")]
    yield from looked_up(answers, rng)


def looked_up(
    answers: Sequence[tuple[str, str]],
    rng: random.Random,
    twins: Mapping[str, str] | None = None,
) -> Iterator[Ranking]:
    """Set each query before its answer, passages near to that by their words, and one far away.

    The other answers of the same query are left out.

    Args:
        answers: Queries, each with its passage.
        rng: Gives the order.
        twins: Passages with the one that each must not stand beside.
    """
    known: dict[str, set[str]] = {}
    for query, passage in answers:
        known.setdefault(query, set()).update((passage, (twins or {}).get(passage, passage)))
    texts = list(dict.fromkeys(passage for _, passage in answers))
    where = {text: index for index, text in enumerate(texts)}
    ordered = passes(answers, rng)
    while chunk := list(islice(ordered, LOOKED_UP)):
        found = neighbours(texts, [where[passage] for _, passage in chunk], NEIGHBOURS)
        complete = []
        for (query, passage), near in zip(chunk, found, strict=True):
            others = _others(near, texts, known[query], rng)
            if len(others) == NEAR + FAR:
                complete.append(Ranking(query, passage, others))
        yield from complete
        # Too few passages to choose from: another pass would find no more.
        if not complete:
            return


def _others(
    near: Sequence[str], texts: Sequence[str], known: set[str], rng: random.Random
) -> tuple[str, ...]:
    """Draw passages that do not answer; fewer where there are too few."""
    close = [text for text in near if text not in known]
    close = rng.sample(close, min(NEAR, len(close)))
    # Some more than are needed, since one may answer, or have been drawn as a near one.
    drawn = rng.sample(texts, min(len(texts), FAR + len(known) + NEAR))
    far = [text for text in drawn if text not in known and text not in close]
    return (*close, *far[:FAR])


SOURCES: dict[str, Callable[[random.Random], Iterator[Ranking]]] = {
    "twins": twin_rankings,
    "exclusions": exclusion_rankings,
    "keywords": keyword_rankings,
    "topics": topic_rankings,
    "questions": question_rankings,
    "claims": claim_rankings,
}

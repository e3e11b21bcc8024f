"""Queries with a passage that answers them and passages that do not, for the relevance output.

A cross-encoder that saw contrast rows alone would know which of two twins to take and no longer
what a passage is about; so queries also stand beside passages of other topics.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from training import corpus, public
from training.config import Kind
from training.neighbours import neighbours
from training.rows import Row, numbered, passages_of, passes

# Passages beside the one that answers, where they are looked up.
OTHERS = 3
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

    def __len__(self) -> int:
        """Characters of all that is run for it."""
        passages = (self.positive, *self.negatives)
        return len(passages) * len(self.query) + sum(map(len, passages))


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
    """Set each query before its answer and the passages nearest to that by their words.

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
        # Some more than are needed, since those that answer as well are left out.
        found = neighbours(texts, [where[passage] for _, passage in chunk], OTHERS + 3)
        others = (
            [text for text in near if text not in known[query]]
            for (query, _), near in zip(chunk, found, strict=True)
        )
        complete = [
            Ranking(query, passage, tuple(rng.sample(beside, OTHERS)))
            for (query, passage), beside in zip(chunk, others, strict=True)
            if len(beside) >= OTHERS
        ]
        yield from complete
        # Too few passages to choose from: another pass would find no more.
        if not complete:
            return


SOURCES: dict[str, Callable[[random.Random], Iterator[Ranking]]] = {
    "twins": twin_rankings,
    "exclusions": exclusion_rankings,
    "topics": topic_rankings,
    "questions": question_rankings,
    "claims": claim_rankings,
}

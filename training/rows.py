"""The rows of a training run, drawn once, in order, from the corpus and the public sets.

A kind of row has its own columns and its own loss. Rows are drawn pass by pass over a shuffled
source, so that two rows of one source group hardly ever meet in a batch, where each would be a
false negative of the other.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice, repeat

from training import corpus, public
from training.corpus import Contrast, Exclusion
from training.group_rows import counterfactual_rows, group_rows, substitution_rows, surface_rows
from training.keyword_queries import keyword_queries
from training.neighbours import neighbours
from training.row import Row, last, numbered, passes
from training.sentence_rows import sentence_rows
from training.topic_order import topic_passes
from training.twin_queries import twin_rows

# The columns that hold queries, for an encoder that wants an instruction before them.
QUERY_COLUMNS = ("query", "query_a", "query_b")

NLI_SETS = (
    "mnli_sample/train",
    "nli_new_protocols/train",
    "snli_dev/train",
    "cad_nli/train",
    "conjnli/train",
    "fever_dev/train",
    "fever_symmetric/train",
    "breaking_nli/train",
)
EDIT_SETS = (
    "condaqa/dev_passage_pairs",
    "condaqa/dev_sentence_pairs",
    "condaqa/fewshot_train_passage_pairs",
    "condaqa/fewshot_train_sentence_pairs",
)
# Texts for distillation alone, with the field that holds them.
GENERAL_SETS = (
    ("wikisplit/train", "a"),
    ("fever_dev/train", "a"),
    ("mnli_sample/train", "a"),
    ("nli_new_protocols/train", "a"),
    ("perspectrum/train_claim_stance", "a"),
    ("perspectrum/train_claim_stance", "b"),
    ("medquad/corpus", "text"),
)
# Perspectrum's dev claims have perspectives that its training claims have too.
HELD_OUT = (("perspectrum/dev_claim_stance", "a"), ("perspectrum/dev_claim_stance", "b"))
# Texts a row, and rows that one set gives before its neighbours are looked up.
RELATED, SEEDS = 4, 400
AGREE = frozenset(("same", "entailment"))
DISAGREE = frozenset(("negated", "contradiction"))
# Half of the passage contrasts are cut to a few sentences around the clause that differs, so that
# a reversal is learnt at every length and a passage is not recognised by its surroundings.
CROPPED = 0.5


def draw(kind: str, count: int, seed: int, latest: int = 0) -> list[Row]:
    """Draw `count` rows of a kind; an empty list where its source is not available.

    Args:
        kind: The kind.
        count: How many rows.
        seed: Of the order.
        latest: Draw from so many of the corpus's last rows alone; from all at 0.

    Raises:
        KeyError: There is no such kind, or it is not of the corpus and `latest` is asked of it.
    """
    rng = random.Random(f"{seed}/{kind}")
    source = LATEST[kind](rng, latest) if latest else KINDS[kind](rng)
    return list(islice(source, count))


def contrast_rows(rng: random.Random, latest: int = 0) -> Iterator[Row]:
    """Two queries and the two passages that only one of them each meets."""
    row: Contrast
    for row in passes(last(corpus.contrasts("train"), latest), rng):
        doc_a, doc_b = passages_of(row, rng)
        yield {"query_a": row.query_a, "query_b": row.query_b, "doc_a": doc_a, "doc_b": doc_b}


def passages_of(
    row: Contrast, rng: random.Random, cropped: float = CROPPED, around: int | None = None
) -> tuple[str, str]:
    """The two passages of a contrast, whole or cut.

    Args:
        row: The contrast.
        rng: Draws which are cut, and where.
        cropped: Share of the contrasts that are cut.
        around: Sentences that are kept at most on either side of those that differ; None for any.
    """
    if rng.random() >= cropped:
        return row.doc_a, row.doc_b
    return crop(row.doc_a, row.doc_b, rng, around)


def crop(first: str, second: str, rng: random.Random, around: int | None = None) -> tuple[str, str]:
    """Keep the sentences in which two passages differ, and some of those around them."""
    left, right = sentences(first), sentences(second)
    before = common_start(left, right)
    after = common_start(left[before:][::-1], right[before:][::-1])
    least = (0, 0) if around is None else (max(0, before - around), max(0, after - around))
    start, stop = rng.randint(least[0], before), rng.randint(least[1], after)
    return " ".join(left[start : len(left) - stop]), " ".join(right[start : len(right) - stop])


def sentences(text: str) -> list[str]:
    """Split a passage where a sentence seems to end."""
    return re.split(r"(?<=[.!?]) +", text)


def common_start(left: Sequence[str], right: Sequence[str]) -> int:
    """How many items two lists share at their start."""
    pairs = enumerate(zip(left, right, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(left), len(right)))


def exclusion_rows(rng: random.Random, latest: int = 0) -> Iterator[Row]:
    """A query that excludes something, two passages that respect it and two that do not."""
    row: Exclusion
    for row in passes(last(corpus.exclusions("train"), latest), rng):
        yield exclusion_row(row.query, row.relevant, row.violating, rng)


def topic_exclusion_rows(rng: random.Random, latest: int = 0) -> Iterator[Row]:
    """The rows of exclusions, those on like topics one after the other.

    Beside passages from anywhere a query need not keep its topic to find its own; beside those of
    its neighbours it must.
    """
    exclusions = last(corpus.exclusions("train"), latest)
    texts = [" ".join((row.query, *row.relevant, *row.violating)) for row in exclusions]
    for row in topic_passes(exclusions, texts, rng):
        yield exclusion_row(row.query, row.relevant, row.violating, rng)


def inclusion_rows(rng: random.Random) -> Iterator[Row]:
    """The query for just what an exclusion excludes, before the same passages the other way round.

    Without it *p* may learn that these passages are wanted, whatever is asked.
    """
    row: Exclusion
    for row in passes([row for row in corpus.exclusions("train") if row.inclusion], rng):
        yield exclusion_row(row.inclusion or "", row.violating, row.relevant, rng)


def keyword_rows(rng: random.Random) -> Iterator[Row]:
    """A query for one word without, or with, another, and texts that differ in the other."""
    for row in keyword_queries(rng):
        yield exclusion_row(row.query, row.relevant, row.violating, rng)


def exclusion_row(
    query: str, relevant: Sequence[str], violating: Sequence[str], rng: random.Random
) -> Row:
    """A query, two passages that answer it, and two that are on its topic only."""
    return {
        "query": query,
        **numbered("relevant", rng.sample(relevant, 2)),
        **numbered("violating", rng.sample(violating, 2)),
    }


def polar_pairs(names: Sequence[str]) -> Callable[[random.Random], Iterator[Row]]:
    """Make a source of pairs that agree (1) or disagree (0), evenly, in either order."""

    def rows(rng: random.Random) -> Iterator[Row]:
        pairs = public.load_all(names)
        agree = passes([pair for pair in pairs if pair["label"] in AGREE], rng)
        disagree = passes([pair for pair in pairs if pair["label"] in DISAGREE], rng)
        for pair in chain.from_iterable(zip(agree, disagree, strict=False)):
            first, second = rng.sample((pair["a"], pair["b"]), 2)
            yield {"a": first, "b": second, "label": float(pair["label"] in AGREE)}

    return rows


def triplet_rows(rng: random.Random) -> Iterator[Row]:
    """A premise, what follows from it and what contradicts it."""
    for row in passes(public.load("nli_triplets/train"), rng):
        yield {name: row[name] for name in ("anchor", "positive", "negative")}


def graded_rows(rng: random.Random) -> Iterator[Row]:
    """Pairs with a graded similarity between 0 and 1 (STS)."""
    for pair in passes(public.load("stsb/train"), rng):
        yield {"a": pair["a"], "b": pair["b"], "label": float(pair["score"])}


def question_rows(rng: random.Random) -> Iterator[Row]:
    """General relevance: a question and the passage that answers it."""
    passages = {row["id"]: row["text"] for row in public.load("medquad/corpus")}
    for pair in passes(public.load("medquad/train_pairs"), rng):
        yield {"query": pair["query"], "passage": passages[pair["positive_doc_id"]]}


def general_rows(rng: random.Random) -> Iterator[Row]:
    """Related texts of all sorts, without a label: what they have in common is for *g* to say."""
    sets = public.texts(GENERAL_SETS)
    held_out = {*chain.from_iterable(public.texts(HELD_OUT))}
    sets = [[text for text in own if text not in held_out] for own in sets]
    texts = list(dict.fromkeys(chain.from_iterable(sets)))
    where = {text: index for index, text in enumerate(texts)}
    # Every set alike, so that the large ones do not crowd out the passages.
    sources = [passes(own, rng) for own in sets if own]
    for _ in repeat(None) if sources else ():
        seeds = [where[next(source)] for source in sources for _ in range(SEEDS)]
        rng.shuffle(seeds)
        for related in neighbours(texts, seeds, RELATED):
            yield numbered("text", related)


KINDS: dict[str, Callable[[random.Random], Iterator[Row]]] = {
    "groups": group_rows,
    "counterfactuals": counterfactual_rows,
    "surface": surface_rows,
    "substitutions": substitution_rows,
    "contrasts": contrast_rows,
    "exclusions": exclusion_rows,
    "topic-exclusions": topic_exclusion_rows,
    "inclusions": inclusion_rows,
    "keywords": keyword_rows,
    "twins": twin_rows,
    "sentences": sentence_rows,
    "triplets": triplet_rows,
    "polarity": polar_pairs(("cannot/train",)),
    "inference": polar_pairs(NLI_SETS),
    "edits": polar_pairs(EDIT_SETS),
    "graded": graded_rows,
    "questions": question_rows,
    "general": general_rows,
}

# The kinds of which the last rows of the corpus alone can be drawn.
LATEST: dict[str, Callable[[random.Random, int], Iterator[Row]]] = {
    "groups": group_rows,
    "contrasts": contrast_rows,
    "exclusions": exclusion_rows,
    "topic-exclusions": topic_exclusion_rows,
    "sentences": sentence_rows,
}

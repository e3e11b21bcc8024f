"""Passages with their sentences, for an encoder that is to hear each of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import chain, islice

from service.passage_sentences import split_passage
from training import corpus, public
from training.row import Row, last, made, numbered

# Sentences of a row: a passage of fewer makes none, of a longer one so many are taken.
SENTENCES = 6


def sentence_rows(rng: random.Random, latest: int = 0) -> Iterator[Row]:
    """Go through the passages of contrasts, and as many of MedQuAD's answers, for ever."""
    contrasts = last(corpus.contrasts("train"), latest)
    written = [text for row in contrasts for text in (row.doc_a, row.doc_b)]
    answers = [str(row["text"]) for row in public.load("medquad/corpus")]
    sources = [
        made(texts, lambda text: sentence_row(text, rng), rng) for texts in (written, answers)
    ]
    # One that has a row goes on for ever, and one that has none must not end the other.
    begun = [chain(row, source) for source in sources if (row := list(islice(source, 1)))]
    yield from chain.from_iterable(zip(*begun, strict=False))


def sentence_row(passage: str, rng: random.Random) -> Row | None:
    """Take some sentences of a passage, one behind the other; None where it has too few."""
    found = split_passage(passage)
    if len(found) < SENTENCES:
        return None
    start = rng.randint(0, len(found) - SENTENCES)
    taken = found[start : start + SENTENCES]
    return {"passage": " ".join(taken), **numbered("sentence", taken)}

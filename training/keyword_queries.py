"""Queries that ask for one word and exclude another, made from texts that have no labels.

A text that has both words and one that has the first alone are told apart by the query's operator
and by nothing else. The written exclusions (`training.corpus`) are few enough to be learnt by heart
and teach what a word stands for; these are as many as there are pairs of words, and teach the
operator.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer

from training import corpus, public

# Texts, with the field that holds them.
SETS = (
    ("wikisplit/train", "a"),
    ("fever_dev/train", "a"),
    ("nli_new_protocols/train", "a"),
    ("medquad/corpus", "text"),
)
# In how many texts a word must be, and in which share of them it may be at most, or in how many.
FEW, COMMON, ENOUGH = 4, 0.01, 40
# Texts of each kind that a query comes with.
TEXTS = 2
# Pairs of words that are tried with one text.
TRIES = 5
# Share of the queries that exclude.
EXCLUDING = 0.6

EXCLUSIONS = (
    "{x} without {y}",
    "{x} except {y}",
    "{x} other than {y}",
    "{x} excluding {y}",
    "{x} but not {y}",
    "{x} and not {y}",
    "{x} not involving {y}",
    "{x} that has nothing to do with {y}",
    "{x} that don't concern {y}",
    "{x}, no {y}",
    "no {y}, just {x}",
    "not {y} but {x}",
    "{x} minus {y}",
    "{x} besides {y}",
    "{x} free of {y}",
    "{x} rather than {y}",
    "{x} instead of {y}",
    "{x} unrelated to {y}",
    "non-{y} {x}",
    "anything about {x} apart from {y}",
    "everything on {x} but {y}",
    "texts on {x} that never mention {y}",
    "which {x} isn't about {y}?",
    "what is there on {x} if {y} is left out?",
    "leaving {y} aside: {x}",
    "avoid {y}: {x}",
)
# Some of these have a negation as well, or the word alone would tell which kind a query is.
INCLUSIONS = (
    "{x} with {y}",
    "{x} and {y}",
    "{x} {y}",
    "{y} and {x}",
    "{y} in connection with {x}",
    "{x} including {y}",
    "{x} that involves {y}",
    "both {x} and {y}",
    "texts on {x} that mention {y}",
    "what is there on {x} and {y}?",
    "not only {x} but also {y}",
    "no {x} without {y}",
    "{x}, {y} not excluded",
    "{x} that don't leave out {y}",
    "nothing but {x} with {y}",
)


@dataclass(frozen=True)
class KeywordQuery:
    """A query, texts that meet it, and texts that do not, though they have its first word."""

    query: str
    relevant: tuple[str, ...]
    violating: tuple[str, ...]


class WordIndex:
    """Which texts have which words.

    Args:
        texts: Without duplicates.

    Attributes:
        texts: The same.
        of_two: Positions of those that have two words, or more, which are neither rare nor common.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts
        counted = CountVectorizer(
            binary=True,
            stop_words="english",
            token_pattern=r"\b[A-Za-z][a-z]{3,}\b",
            max_df=max(ENOUGH, round(COMMON * len(texts))),
            min_df=FEW,
        )
        matrix = counted.fit_transform(texts)
        self._words: NDArray[np.str_] = counted.get_feature_names_out()
        self._of_text = matrix.tocsr()
        self._with_word = matrix.tocsc()
        self.of_two: list[int] = np.flatnonzero(np.diff(self._of_text.indptr) > 1).tolist()

    def query(self, text: int, rng: random.Random) -> KeywordQuery | None:
        """Ask for a word of a text and exclude, or include, another one of its words.

        Args:
            text: Its position.
            rng: Chooses the words, the wording and the texts.

        Returns:
            None where no pair of words that was tried is in enough texts.
        """
        words = self._of(text)
        for _ in range(TRIES if len(words) > 1 else 0):
            first, second = rng.sample(words, 2)
            having = self._having(first)
            both = np.isin(having, self._having(second))
            if min(both.sum(), (~both).sum()) >= TEXTS:
                return self._made((first, second), (having[both], having[~both]), rng)
        return None

    def twins(self, rng: random.Random) -> tuple[str, str]:
        """Of two words of some text, a query that excludes the second and one that does not."""
        pair = rng.sample(self._of(rng.choice(self.of_two)), 2)
        x, y = (str(self._words[word]) for word in pair)
        without, both = rng.choice(EXCLUSIONS), rng.choice(INCLUSIONS)
        return without.format(x=x, y=y), both.format(x=x, y=y)

    def _of(self, text: int) -> list[int]:
        found: list[int] = self._of_text.indices[
            slice(*self._of_text.indptr[text : text + 2])
        ].tolist()
        return found

    def _having(self, word: int) -> NDArray[np.int32]:
        found: NDArray[np.int32] = self._with_word.indices[
            slice(*self._with_word.indptr[word : word + 2])
        ]
        return found

    def _made(
        self,
        words: tuple[int, int],
        sides: tuple[NDArray[np.int32], NDArray[np.int32]],
        rng: random.Random,
    ) -> KeywordQuery:
        x, y = (str(self._words[word]) for word in words)
        both, without = (
            tuple(self.texts[place] for place in rng.sample(side.tolist(), TEXTS)) for side in sides
        )
        if rng.random() < EXCLUDING:
            return KeywordQuery(rng.choice(EXCLUSIONS).format(x=x, y=y), without, both)
        return KeywordQuery(rng.choice(INCLUSIONS).format(x=x, y=y), both, without)


def keyword_queries(rng: random.Random) -> Iterator[KeywordQuery]:
    """Go through the texts of all sets for ever, one of each set in turn."""
    sources = [_of_texts(index, rng) for index in _indices()]
    while sources:
        # A set in which no two words are in enough texts ends at once.
        made = [(source, next(source, None)) for source in sources]
        sources = [source for source, query in made if query is not None]
        yield from (query for _, query in made if query is not None)


def keyword_twins(rng: random.Random) -> Iterator[tuple[str, str]]:
    """For ever two queries of the same two words: one that excludes the second, one that does not.

    Unlike the queries above they need no texts that meet them, so that any two words of a text do.
    """
    indices = [index for index in _indices() if index.of_two]
    while indices:
        yield from [index.twins(rng) for index in indices]


def _indices() -> list[WordIndex]:
    return [WordIndex(texts) for texts in _sets() if len(texts) > ENOUGH]


def _sets() -> list[list[str]]:
    passages = [text for row in corpus.contrasts("train") for text in (row.doc_a, row.doc_b)]
    short = [text for row in corpus.exclusions("train") for text in (*row.relevant, *row.violating)]
    found = [passages, short]
    found += public.texts(SETS)
    return [list(dict.fromkeys(texts)) for texts in found]


def _of_texts(index: WordIndex, rng: random.Random) -> Iterator[KeywordQuery]:
    order = list(range(len(index.texts)))
    while True:
        rng.shuffle(order)
        made = False
        for text in order:
            if (query := index.query(text, rng)) is not None:
                made = True
                yield query
        if not made:
            return

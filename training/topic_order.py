"""An order in which texts on like topics follow one another.

A batch that is cut from it holds negatives that only a reader of details tells from the positive,
at the price of a random one: the batches of one topic each of Nomic Embed (Nussbaum et al. 2024,
arXiv 2402.01613, there of one source) and TAS-B (Hofstätter et al. 2021, arXiv 2104.06967, by
clusters of queries), here as one chain, so that it can be cut into batches of any size.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
from scipy.sparse import csr_matrix

from training.neighbours import word_vectors

Item = TypeVar("Item")

# The next text is drawn of so many that are nearest, so that no two passes have the same batches.
NEAREST = 3


def topic_passes(items: Sequence[Item], texts: Sequence[str], rng: random.Random) -> Iterator[Item]:
    """Go through the items for ever, each pass along another chain of near topics.

    Args:
        items: Not empty.
        texts: What each is about, in as many words as there are.
        rng: Draws where a pass starts, and how it goes on.
    """
    vectors = word_vectors(texts)
    while True:
        for place in chain(vectors, rng):
            yield items[place]


def chain(vectors: csr_matrix, rng: random.Random) -> Iterator[int]:
    """Positions of (texts, words) vectors, each but the first near the one before it."""
    texts = vectors.shape[0]
    words = vectors.T.tocsr()
    free = np.ones(texts, dtype=bool)
    place = rng.randrange(texts)
    for left in range(texts, 0, -1):
        yield place
        free[place] = False
        count = min(NEAREST, left - 1)
        if count:
            # A row at a time: all similarities at once would grow with the square of the texts.
            nearness = np.where(free, (vectors[place] @ words).toarray()[0], -1.0)
            place = int(rng.choice(np.argpartition(-nearness, count - 1)[:count]))

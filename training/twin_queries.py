"""Twin queries: two queries on one subject of which one asks for the reverse of the other.

They need no passages, so that they are written, or made, in far greater variety than passages that
answer them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import chain

from training import corpus
from training.keyword_queries import keyword_twins
from training.row import Row, passes


def twin_rows(rng: random.Random) -> Iterator[Row]:
    """Go through the queries of every source in turn, for ever: one of each makes a round."""
    written = [(row.query_a, row.query_b) for row in corpus.twins()]
    contrasts = [(row.query_a, row.query_b) for row in corpus.contrasts("train")]
    exclusions = [(row.query, row.inclusion) for row in corpus.exclusions("train") if row.inclusion]
    sources = [passes(pairs, rng) for pairs in (written, contrasts, exclusions) if pairs]
    for first, second in chain.from_iterable(zip(*sources, keyword_twins(rng), strict=False)):
        yield {"query_a": first, "query_b": second}

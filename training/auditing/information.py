"""How informative the negatives are to contrast: ECI, by pattern and by source.

Effective Contrastive Information (arXiv 2603.20990), the first version's form (22 March 2026):
capacity log(1 + N) times the harmonic mean of hardness H, the mean similarity of a query and its
negatives, and safety S, the share of negatives with a similarity under 0.8. The paper's exact
formula was not found: this is the reading of its re-implementations. The third version has another
form and reverses the first's ranking, so compare figures of one form only.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.auditing.census import rounded
from training.auditing.rows import Row
from training.auditing.shortcuts import FEWEST
from training.evaluation.encoding import Encode, Remembered

SAFE = 0.8


@dataclass(frozen=True)
class Query:
    """A query, a text that is to be near it, and its negatives of one sort."""

    query: str
    positive: str
    negatives: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """A sort of negatives.

    Args:
        kind: Kind of the rows.
        query: Role of the query.
        positive: Role of what is to be near it.
        negative: Role of the negatives.
    """

    kind: str
    query: str
    positive: str
    negative: str

    def queries(self, rows: Sequence[Row], pattern: str | None = None) -> Iterator[Query]:
        """The queries of the rows that have such negatives."""
        for row in rows:
            negatives = row.of(self.negative, pattern) if row.kind == self.kind else ()
            if negatives:
                yield Query(row.of(self.query)[0], row.of(self.positive)[0], negatives)


SOURCES = {
    "negated": Source("sentence", "anchor", "same", "negated"),
    "hedged": Source("sentence", "anchor", "same", "hedged"),
    "neutral": Source("sentence", "anchor", "same", "neutral"),
    "contrast": Source("retrieval", "query_a", "doc_a", "doc_b"),
    "violating": Source("exclusion", "query", "relevant", "violating"),
}


def information(rows: Sequence[Row], encode: Encode, sample: int, seed: int) -> dict[str, Any]:
    """ECI of every source and of every pattern of a source, over a sample of training rows.

    Args:
        rows: All rows.
        encode: Texts to unit vectors: the encoder that would be trained.
        sample: Queries of each sort.
        seed: Of the sample.
    """
    training = [row for row in rows if row.split == "train"]
    remembered = Remembered(encode)

    def figures(name: str, pattern: str | None = None) -> dict[str, Any]:
        queries = list(SOURCES[name].queries(training, pattern))
        return effective(draw(queries, sample, f"{seed}/{name}/{pattern}"), remembered)

    return {
        name: figures(name)
        | {"patterns": {pattern: figures(name, pattern) for pattern in patterns(training, source)}}
        for name, source in SOURCES.items()
        if any(source.queries(training))
    }


def patterns(rows: Sequence[Row], source: Source) -> list[str]:
    """The patterns of a source that are common enough, in the order of the alphabet."""
    counts = Counter(
        item.pattern for row in rows for item in row.texts if item.role == source.negative
    )
    return sorted(name for name, count in counts.items() if name and count >= FEWEST)


def draw(queries: Sequence[Query], sample: int, seed: str) -> list[Query]:
    """At most so many queries, always the same."""
    if len(queries) <= sample:
        return list(queries)
    return random.Random(seed).sample(list(queries), sample)


def effective(queries: Sequence[Query], encode: Remembered) -> dict[str, Any]:
    """ECI of queries with their negatives, its parts, and the share farther than the positive."""
    # All at once: an encoder is quicker with many texts.
    encode([text for item in queries for text in (item.query, item.positive, *item.negatives)])
    cosines, farther = [], []
    for item in queries:
        vectors = encode([item.query, item.positive, *item.negatives])
        near, *others = (vectors[1:] @ vectors[0]).tolist()
        cosines += others
        farther += [other < near for other in others]
    number = len(cosines) / len(queries)
    hardness, safety = float(np.mean(cosines)), float(np.mean(np.array(cosines) < SAFE))
    efficiency = 2 * hardness * safety / (hardness + safety) if hardness + safety > 0 else 0.0
    return {
        "queries": len(queries),
        "negatives_a_query": rounded(number),
        "hardness": rounded(hardness),
        "safety": rounded(safety),
        "eci": rounded(math.log1p(number) * efficiency),
        "farther_than_positive": rounded(np.mean(farther)),
    }

"""What an encoder's search finds for a query: the negatives that a reranker will meet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.evaluation.encoding import Encode, Vectors

# Passages of a query that a reranker is given.
DEPTH = 50
# A passage nearer than this share of the answer's own similarity may be an answer that nobody
# noted: TopK-PercPos of NV-Retriever (de Souza P. Moreira et al. 2024, arXiv 2407.15831).
NEAREST = 0.95
# Rows of the product of queries and passages that are held at a time.
BLOCK = 512


def search(
    queries: Sequence[str],
    positives: Sequence[str],
    settled: Sequence[Sequence[str]],
    pool: Sequence[str],
    encode: Encode,
) -> list[list[str]]:
    """Find the best passages for each query that are no answer to it.

    Args:
        queries: The queries.
        positives: The passage that answers each.
        settled: For each query, passages that are left out: it is known what they are.
        pool: Passages to search, without duplicates.
        encode: Texts to unit vectors.

    Returns:
        For each query up to `DEPTH` passages, less those left out, the nearest first.
    """
    if not pool:
        return [[] for _ in queries]
    asked, answers, passages = encode(queries), encode(positives), encode(pool)
    limits = NEAREST * np.einsum("nd,nd->n", asked, answers)
    found: list[list[str]] = []
    for start in range(0, len(queries), BLOCK):
        block = slice(start, start + BLOCK)
        rows = best(asked[block] @ passages.T, min(DEPTH, len(pool)))
        for (places, scores), limit, left_out in zip(
            rows, limits[block], settled[block], strict=True
        ):
            known = set(left_out)
            texts = [pool[place] for place in places[scores < limit]]
            found.append([text for text in texts if text not in known])
    return found


def best(scores: Vectors, count: int) -> list[tuple[Vectors, Vectors]]:
    """Positions and scores of the highest `count` of each row of (queries, passages) scores."""
    places = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    return list(zip(places, np.take_along_axis(scores, places, axis=1), strict=True))

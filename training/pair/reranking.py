"""What reranking does to a search: the encoder's best passages, ordered anew by relevance.

nDCG@10 in the encoder's order, in that of the relevance, and in that of both fused; the weight of
the fusion is chosen on one half of the queries, and all figures are of the other half.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from training import corpus
from training.evaluation import metrics
from training.evaluation.encoding import Encode
from training.evaluation.tasks import medquad_search
from training.pair.evaluation import Relevance

# Passages of a query that are ordered anew.
DEPTH = 50
QUESTIONS = 200
WEIGHTS = tuple(round(0.05 * step, 2) for step in range(21))

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Search:
    """Queries among passages; for each query the positions of the passages that answer it."""

    queries: Sequence[str]
    passages: Sequence[str]
    relevant: Sequence[Sequence[int]]


@dataclass(frozen=True)
class Reranked:
    """Both scores of the candidates of each query.

    Args:
        similarity: (queries, passages) cosines; -inf for what is no candidate.
        score: (queries, passages) relevance as a probability, as `/rerank` gives it.
        relevant: For each query the positions of the passages that answer it.
    """

    similarity: Matrix
    score: Matrix
    relevant: Sequence[Sequence[int]]

    def ndcg(self, weight: float, half: int) -> float:
        """Return nDCG@10 of `(1 - weight) similarity + weight score` over every second query."""
        there = np.isfinite(self.similarity)
        similarity = np.where(there, self.similarity, 0)
        # What is no candidate comes after all that are: their sums are at least -1.
        fused = np.where(there, (1 - weight) * similarity + weight * self.score, -2)
        return metrics.ndcg_at_10(fused[half::2], self.relevant[half::2])


def searches() -> dict[str, Search]:
    """The searches on dev rows; the distilled ones have all dev passages as their pool."""
    contrasts, exclusions = corpus.contrasts("dev"), corpus.exclusions("dev")
    texts = [text for row in contrasts for text in (row.doc_a, row.doc_b)]
    texts += [text for row in exclusions for text in (*row.relevant, *row.violating)]
    where = {text: index for index, text in enumerate(dict.fromkeys(texts))}
    passages = list(where)
    twins = [
        answer
        for row in contrasts
        for answer in ((row.query_a, row.doc_a), (row.query_b, row.doc_b))
    ]
    found = {
        "contrast": Search(
            [query for query, _ in twins], passages, [[where[passage]] for _, passage in twins]
        ),
        "exclusion": Search(
            [row.query for row in exclusions],
            passages,
            [[where[text] for text in row.relevant] for row in exclusions],
        ),
    }
    if (questions := medquad_search(queries=QUESTIONS)) is not None:
        found["medquad"] = Search(*questions)
    return found


def figures(encode: Encode, relevance: Relevance) -> dict[str, Any]:
    """Choose the weight on the even queries, and measure on the odd ones."""
    reranked = {name: rerank(search, encode, relevance) for name, search in searches().items()}
    weight = choose_weight(reranked)
    by_search = {
        name: {
            "queries": len(found.relevant[1::2]),
            "before": found.ndcg(0.0, half=1),
            "after": found.ndcg(1.0, half=1),
            "fused": found.ndcg(weight, half=1),
        }
        for name, found in reranked.items()
    }
    return {"candidates": DEPTH, "fusion_weight": weight, "ndcg10": by_search}


def rerank(search: Search, encode: Encode, relevance: Relevance) -> Reranked:
    """Find the candidates of each query and score them."""
    cosines = encode(search.queries) @ encode(search.passages).T
    depth = min(DEPTH, len(search.passages))
    candidates = np.argpartition(-cosines, depth - 1, axis=1)[:, :depth]
    pairs = [
        (query, search.passages[passage])
        for query, row in zip(search.queries, candidates, strict=True)
        for passage in row
    ]
    similarity = np.full_like(cosines, -np.inf)
    score = np.zeros_like(cosines)
    rows = np.arange(len(cosines))[:, None]
    similarity[rows, candidates] = cosines[rows, candidates]
    score[rows, candidates] = expit(relevance(pairs)).reshape(candidates.shape)
    return Reranked(similarity, score, search.relevant)


def choose_weight(reranked: Mapping[str, Reranked]) -> float:
    """The weight with the best mean nDCG@10 over the searches, on the even queries."""
    return max(
        WEIGHTS,
        key=lambda weight: np.mean([found.ndcg(weight, half=0) for found in reranked.values()]),
    )

"""What reranking does to a search: the encoder's best passages, ordered anew.

nDCG@10 in the encoder's order, in that of the relevance alone, in that of the scaled cosine and the
relevance together as `/rerank` has it, and at the scale that is best on one half of the queries;
all figures are of the other half.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training import corpus
from training.evaluation import metrics
from training.evaluation.encoding import Encode
from training.evaluation.tasks import exclusions_search, medquad_search, perspectives_search
from training.pair.evaluation import Relevance
from training.pair.similarity import sentence_similarities

# Passages of a query that are ordered anew.
DEPTH = 50
QUESTIONS = 100
SCALES = (0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 70.0, 100.0)

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
        cosine: (queries, passages) cosines; -inf for what is no candidate.
        similarity: (queries, passages) what `/rerank` adds the relevance to: of passages with
            several sentences those count as well.
        relevance: (queries, passages) logits.
        relevant: For each query the positions of the passages that answer it.
    """

    cosine: Matrix
    similarity: Matrix
    relevance: Matrix
    relevant: Sequence[Sequence[int]]

    def before(self, half: int) -> float:
        """Return nDCG@10 of the encoder's own order over every second query."""
        return self._ndcg(self.cosine, half)

    def after(self, scale: float, half: int) -> float:
        """Return nDCG@10 of `scale * similarity + relevance` over every second query."""
        return self._ndcg(np.float32(scale) * self.similarity + self.relevance, half)

    def _ndcg(self, scores: Matrix, half: int) -> float:
        there = np.isfinite(self.cosine)
        # What is no candidate comes after all that are.
        scores = np.where(there, scores, scores[there].min() - np.float32(1))
        return metrics.ndcg_at_10(scores[half::2], self.relevant[half::2])


def searches() -> dict[str, Search]:
    """The searches on dev rows; hard ones of the corpus share a pool, ordinary ones have theirs."""
    contrasts = corpus.contrasts("dev")
    texts = [text for row in contrasts for text in (row.doc_a, row.doc_b)]
    exclusions = Search(*exclusions_search(corpus.exclusions("dev"), texts))
    where = {text: index for index, text in enumerate(exclusions.passages)}
    twins = [
        answer
        for row in contrasts
        for answer in ((row.query_a, row.doc_a), (row.query_b, row.doc_b))
    ]
    found = {
        "contrast": Search(
            [query for query, _ in twins],
            exclusions.passages,
            [[where[passage]] for _, passage in twins],
        ),
        "exclusion": exclusions,
        "exclusion_search": Search(*exclusions_search(corpus.searches())),
    }
    if (questions := medquad_search(queries=QUESTIONS)) is not None:
        found["medquad"] = Search(*questions)
    if (claims := perspectives_search()) is not None:
        found["perspectives"] = Search(*claims)
    return found


def figures(encode: Encode, relevance: Relevance, scale: float) -> dict[str, Any]:
    """Measure on the odd queries, and choose the best scale on the even ones.

    Args:
        encode: The encoder that finds the candidates.
        relevance: The relevance output.
        scale: What `/rerank` multiplies the cosine by.
    """
    reranked = {name: rerank(search, encode, relevance) for name, search in searches().items()}
    best = choose_scale(reranked)
    by_search = {
        name: {
            "queries": len(found.relevant[1::2]),
            "before": found.before(half=1),
            "alone": found.after(0.0, half=1),
            "served": found.after(scale, half=1),
            "best": found.after(best, half=1),
        }
        for name, found in reranked.items()
    }
    return {"candidates": DEPTH, "scale": scale, "best_scale": best, "ndcg10": by_search}


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
    found = np.full_like(cosines, -np.inf)
    similarity, logits = np.zeros_like(cosines), np.zeros_like(cosines)
    rows = np.arange(len(cosines))[:, None]
    found[rows, candidates] = cosines[rows, candidates]
    similarity[rows, candidates] = sentence_similarities(encode, pairs).reshape(candidates.shape)
    logits[rows, candidates] = relevance(pairs).reshape(candidates.shape)
    return Reranked(found, similarity, logits, search.relevant)


def choose_scale(reranked: Mapping[str, Reranked]) -> float:
    """The scale with the best mean nDCG@10 over the searches, on the even queries."""
    return max(
        SCALES,
        key=lambda scale: np.mean([found.after(scale, half=0) for found in reranked.values()]),
    )

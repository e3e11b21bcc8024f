"""Reranking, in three families: text-embeddings-inference's, Jina's and Cohere's."""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from fastapi import APIRouter
from starlette.responses import Response

from service.encoding import Direction
from service.reranker import Relevances, Reranker
from service.routes.body import JsonRoute
from service.routes.dependencies import Call, CallDep, RerankerDep
from service.routes.headers import response_headers
from service.routes.rendering import error_responses, json_response
from service.routes.texts import check_count, led, named
from service.schemas.rerank import (
    CohereErrorBody,
    CohereRerankRequest,
    CohereRerankResponse,
    JinaErrorBody,
    JinaRerankRequest,
    JinaRerankResponse,
    RankedText,
    RerankRequest,
)
from service.schemas.tei import ErrorBody
from service.vectors import sigmoid

router = APIRouter(route_class=JsonRoute)

# Cohere counts so many documents as one search, and the pieces of a long one each as one.
_DOCUMENTS_PER_SEARCH = 100


@dataclass(frozen=True, slots=True)
class _Ranking:
    """Passages, the most relevant first; of two alike the earlier one first.

    Attributes:
        order: Positions of the passages in the request.
        scores: Their scores, in this order.
        relevances: What the model gave.
        headers: What the response says in its headers.
    """

    order: list[int]
    scores: list[np.float32]
    relevances: Relevances
    headers: dict[str, str]


@router.post(
    "/rerank",
    tags=["text-embeddings-inference"],
    response_model=list[RankedText],
    responses=error_responses(ErrorBody),
)
async def rerank(body: RerankRequest, reranker: RerankerDep, call: CallDep) -> Response:
    """Rank texts by their relevance to a query, the most relevant first.

    A text that is longer than the model reads is scored by the best of its windows.
    """
    ranking = await _rank(
        body.query,
        ("texts", body.texts),
        reranker,
        call,
        raw_scores=body.raw_scores,
        truncate=body.truncate,
        direction=body.truncation_direction,
    )
    content: list[dict[str, Any]] = [
        {"index": index, "score": score}
        for index, score in zip(ranking.order, ranking.scores, strict=True)
    ]
    if body.return_text:
        for item in content:
            item["text"] = body.texts[item["index"]]
    return json_response(content, headers=ranking.headers)


@router.post(
    "/v1/rerank",
    tags=["Jina"],
    response_model=JinaRerankResponse,
    responses=error_responses(JinaErrorBody),
)
async def rerank_as_jina(body: JinaRerankRequest, reranker: RerankerDep, call: CallDep) -> Response:
    """Rank documents by their relevance to a query, as Jina does, the most relevant first."""
    documents, ranking = await _rank_documents(body, reranker, call)
    tokens = ranking.relevances.tokens
    content = {
        "id": _new_id(),
        "model": reranker.name,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        "results": _ranked(ranking, body, documents),
    }
    return json_response(content, headers=ranking.headers)


@router.post(
    "/v2/rerank",
    tags=["Cohere"],
    response_model=CohereRerankResponse,
    responses=error_responses(CohereErrorBody),
)
async def rerank_as_cohere(
    body: CohereRerankRequest, reranker: RerankerDep, call: CallDep
) -> Response:
    """Rank documents by their relevance to a query, as Cohere does, the most relevant first."""
    documents, ranking = await _rank_documents(body, reranker, call)
    searches = math.ceil(ranking.relevances.windows / _DOCUMENTS_PER_SEARCH)
    content = {
        "id": _new_id(),
        "results": _ranked(ranking, body, documents),
        "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": searches}},
    }
    return json_response(content, headers=ranking.headers)


async def _rank_documents(
    body: JinaRerankRequest | CohereRerankRequest, reranker: Reranker, call: Call
) -> tuple[list[str], _Ranking]:
    documents = body.read_documents()
    ranking = await _rank(
        body.query,
        ("documents", documents),
        reranker,
        call,
        raw_scores=body.raw_scores,
        max_passage_tokens=body.max_tokens_per_doc,
    )
    return documents, ranking


async def _rank(
    query: str,
    passages: tuple[str, Sequence[str]],
    reranker: Reranker,
    call: Call,
    *,
    raw_scores: bool,
    truncate: bool | None = None,
    direction: Direction = "right",
    max_passage_tokens: int | None = None,
) -> _Ranking:
    """Score the passages, which come with the name of their field, and put them in order."""
    param, texts = passages
    check_count(param, len(texts), call.settings.max_client_batch_size)
    placed = led("query", query, param, texts)
    placed.check()
    with named(placed.place):
        relevances = await reranker.score(
            query,
            texts,
            truncate=call.truncate(truncate),
            direction=direction,
            max_passage_tokens=max_passage_tokens,
            deadline=call.deadline,
        )
    # By the logits, which still differ where probabilities have become 1.
    order = np.argsort(-relevances.logits, kind="stable")
    scores = relevances.logits if raw_scores else sigmoid(relevances.logits)
    cut = [0] * relevances.query_truncated + [number + 1 for number in relevances.truncated]
    headers = response_headers(call, reranker, relevances, placed, cut)
    return _Ranking(order.tolist(), list(scores[order]), relevances, headers)


def _ranked(
    ranking: _Ranking, body: JinaRerankRequest | CohereRerankRequest, documents: Sequence[str]
) -> list[dict[str, Any]]:
    """Render the best documents."""
    results: list[dict[str, Any]] = [
        {"index": index, "relevance_score": score}
        for index, score in zip(ranking.order, ranking.scores, strict=True)
    ][: body.top_n]
    if body.return_documents:
        for result in results:
            result["document"] = {"text": documents[result["index"]]}
    return results


def _new_id() -> str:
    return f"rerank-{uuid.uuid4().hex}"

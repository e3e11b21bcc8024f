"""Cohere's routes for embeddings; those for reranking are with the other rerankers."""

from __future__ import annotations

import uuid
from typing import Any, Literal

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from service.embeddings import Embeddings
from service.encoder import Encoder
from service.quantization import CALIBRATED, CalibrationRanges, quantize
from service.routes.body import JsonRoute
from service.routes.dependencies import Call, CallDep, EncoderDep
from service.routes.headers import response_headers
from service.routes.prompts import Task, find_prompt
from service.routes.rendering import error_responses, json_response
from service.routes.texts import check_count, listed, named, renamed
from service.schemas.cohere import (
    CohereEmbedByTypeResponse,
    CohereEmbedFloatsResponse,
    CohereEmbedRequest,
)
from service.schemas.rerank import CohereErrorBody

router = APIRouter(
    route_class=JsonRoute, tags=["Cohere"], responses=error_responses(CohereErrorBody)
)

_TASKS: dict[str | None, Task] = {
    "search_query": "query",
    "search_document": "passage",
    "classification": "classification",
    "clustering": "clustering",
}


@router.post(
    "/v2/embed", response_model=CohereEmbedByTypeResponse, response_model_exclude_none=True
)
async def embed(body: CohereEmbedRequest, encoder: EncoderDep, call: CallDep) -> Response:
    """Embed texts, each vector in every form that is asked for."""
    return await _embed(body, encoder, call, "2")


@router.post("/v1/embed", response_model=CohereEmbedFloatsResponse | CohereEmbedByTypeResponse)
async def embed_as_before(body: CohereEmbedRequest, encoder: EncoderDep, call: CallDep) -> Response:
    """Embed texts, as Cohere's first version does: plain vectors where no form is asked for."""
    return await _embed(body, encoder, call, "1")


async def _embed(
    body: CohereEmbedRequest, encoder: Encoder, call: Call, version: Literal["1", "2"]
) -> Response:
    texts = listed(body.param, body.read_texts())
    check_count(body.param, len(texts.texts), call.settings.max_client_batch_size)
    texts.check()
    with named(texts.place), renamed("dimensions", "output_dimension"):
        ranges = _ranges(body, encoder)
        embeddings = await encoder.embed(
            texts.texts,
            truncate=body.truncate != "NONE",
            direction="left" if body.truncate == "START" else "right",
            prompt_name=find_prompt(encoder.spec.prompts, _TASKS.get(body.input_type)),
            dimensions=body.output_dimension,
            negation_weight=body.negation_weight,
            max_tokens=body.max_tokens,
            deadline=call.deadline,
        )
    headers = response_headers(call, encoder, embeddings, texts, embeddings.truncated)
    content = await run_in_threadpool(_rendered, body, embeddings, ranges, by_type=version == "2")
    content |= {
        "id": str(uuid.uuid4()),
        "texts": texts.texts,
        "meta": {
            "api_version": {"version": version},
            "billed_units": {"input_tokens": embeddings.tokens},
        },
    }
    return json_response(content, headers=headers)


def _ranges(body: CohereEmbedRequest, encoder: Encoder) -> CalibrationRanges | None:
    """Return what the asked forms need, before anything is run."""
    if CALIBRATED.isdisjoint(body.embedding_types or ()):
        return None
    return encoder.calibration(
        dimensions=body.output_dimension, negation_weight=body.negation_weight
    )


def _rendered(
    body: CohereEmbedRequest,
    embeddings: Embeddings,
    ranges: CalibrationRanges | None,
    *,
    by_type: bool,
) -> dict[str, Any]:
    if not (body.embedding_types or by_type):
        return {"response_type": "embeddings_floats", "embeddings": embeddings.vectors}
    forms = body.embedding_types or ["float"]
    return {
        "response_type": "embeddings_by_type",
        "embeddings": {form: quantize(embeddings.vectors, form, ranges) for form in forms},
    }

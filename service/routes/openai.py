"""OpenAI's routes: embeddings and the list of models."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from fastapi import APIRouter
from numpy.typing import NDArray
from starlette.responses import Response

from service.errors import UnknownModel
from service.routes.body import JsonRoute
from service.routes.dependencies import CallDep, EncoderDep, RuntimeDep
from service.routes.headers import timing_headers, truncation_headers
from service.routes.rendering import error_responses, json_response
from service.routes.texts import check_count, listed, named
from service.runtime import Runtime
from service.schemas.openai import (
    EmbeddingsRequest,
    EmbeddingsResponse,
    Model,
    ModelList,
    OpenAIErrorBody,
)

router = APIRouter(route_class=JsonRoute, tags=["OpenAI"])

_ERRORS = error_responses(OpenAIErrorBody)


@router.post("/v1/embeddings", response_model=EmbeddingsResponse, responses=_ERRORS)
@router.post("/embeddings", response_model=EmbeddingsResponse, responses=_ERRORS)
async def embeddings(body: EmbeddingsRequest, encoder: EncoderDep, call: CallDep) -> Response:
    """Embed texts: unit vectors in order.

    Any `model` name is taken, as clients send names of their own; the response has the real one.
    """
    texts = listed("input", body.input)
    check_count("input", len(body.input), call.settings.max_client_batch_size)
    texts.check()
    with named(texts.place):
        result = await encoder.embed(
            texts.texts,
            truncate=call.truncate(None),
            dimensions=body.dimensions,
            negation_weight=body.negation_weight,
            deadline=call.deadline,
        )
    tokens = sum(result.token_counts)
    content = {
        "object": "list",
        "data": _items(result.vectors, body.encoding_format == "base64"),
        "model": call.settings.model_name,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
    headers = timing_headers(call, encoder, result, texts.texts)
    return json_response(content, headers=headers | truncation_headers(texts, result.truncated))


def _items(vectors: NDArray[np.float32], as_base64: bool) -> list[dict[str, Any]]:
    rows = vectors.astype("<f4", copy=False)
    return [
        {
            "object": "embedding",
            "index": index,
            "embedding": base64.b64encode(row.tobytes()).decode() if as_base64 else row,
        }
        for index, row in enumerate(rows)
    ]


@router.get("/v1/models", response_model=ModelList)
async def list_models(runtime: RuntimeDep) -> Response:
    """List the one served model."""
    return json_response({"object": "list", "data": [_model(runtime)]})


@router.get(
    "/v1/models/{name:path}", response_model=Model, responses={404: {"model": OpenAIErrorBody}}
)
async def retrieve_model(name: str, runtime: RuntimeDep) -> Response:
    """Describe the served model."""
    if name != runtime.settings.model_name:
        raise UnknownModel(f"the model {name!r} is not served here", param="model")
    return json_response(_model(runtime))


def _model(runtime: Runtime) -> dict[str, Any]:
    created = int(runtime.created)
    return Model(id=runtime.settings.model_name, created=created).model_dump()

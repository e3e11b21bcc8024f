"""The routes of Weaviate's container for transformer models."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from service import __version__
from service.errors import Unavailable
from service.routes.body import JsonRoute
from service.routes.dependencies import CallDep, EncoderDep, RuntimeDep
from service.routes.headers import response_headers
from service.routes.prompts import find_prompt
from service.routes.rendering import error_responses, json_response
from service.routes.texts import named, single
from service.schemas.weaviate import (
    Meta,
    VectorConfig,
    VectorRequest,
    VectorResponse,
    WeaviateErrorBody,
)

router = APIRouter(route_class=JsonRoute, tags=["Weaviate"])

_ERRORS = error_responses(WeaviateErrorBody)
_UNAUTHORIZED: dict[int | str, dict[str, Any]] = {401: _ERRORS[401]}
_UNAVAILABLE: dict[int | str, dict[str, Any]] = {503: _ERRORS[503]}


@router.post("/vectors", response_model=VectorResponse, responses=_ERRORS)
@router.post("/vectors/", response_model=VectorResponse, responses=_ERRORS)
async def vectors(body: VectorRequest, encoder: EncoderDep, call: CallDep) -> Response:
    """Embed one text."""
    config = body.config or VectorConfig()
    text = single("text", body.text)
    text.check()
    with named(text.place):
        embeddings = await encoder.embed(
            text.texts,
            truncate=call.truncate(None),
            prompt_name=find_prompt(encoder.spec.prompts, config.task_type or None),
            dimensions=config.dimensions,
            negation_weight=config.negation_weight,
            deadline=call.deadline,
        )
    (vector,) = embeddings.vectors
    headers = response_headers(call, encoder, embeddings, text, embeddings.truncated)
    content = {"text": body.text, "vector": vector, "dim": len(vector)}
    return json_response(content, headers=headers)


@router.get("/meta", responses=_UNAUTHORIZED | _UNAVAILABLE)
async def meta(encoder: EncoderDep) -> Meta:
    """Describe the model."""
    return Meta(
        model=encoder.spec.name,
        model_type=encoder.spec.model_type,
        dimensions=encoder.dimensions,
        max_input_length=encoder.max_input_tokens,
        prompts=sorted(encoder.spec.prompts),
        version=__version__,
    )


# Both are answered from what the process knows, and never wait behind a forward pass.


@router.head("/.well-known/live", include_in_schema=False)
@router.get("/.well-known/live", status_code=204, responses=_UNAVAILABLE)
async def live(runtime: RuntimeDep) -> Response:
    """Answer 204, while loading too; 503 when only a restart helps."""
    if runtime.state == "stalled":
        raise Unavailable("no text gets through: the service has to be restarted")
    return Response(status_code=204)


@router.head("/.well-known/ready", include_in_schema=False)
@router.get("/.well-known/ready", status_code=204, responses=_UNAVAILABLE)
async def ready(runtime: RuntimeDep) -> Response:
    """Answer 204 when texts are answered; 503 while loading, and when no text gets through."""
    if runtime.state != "ready":
        raise Unavailable(f"the model is not ready: {runtime.state}")
    return Response(status_code=204)

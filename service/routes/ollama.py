"""Ollama's routes: embeddings, the list of models and the version."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import numpy as np
from fastapi import APIRouter
from starlette.responses import Response

from service import __version__
from service.encoder import Encoder
from service.errors import UnknownModel
from service.routes.body import JsonRoute
from service.routes.dependencies import Call, CallDep, EncoderDep, RuntimeDep
from service.routes.headers import response_headers
from service.routes.rendering import error_responses, json_response
from service.routes.texts import check_count, listed, named, single
from service.runtime import Runtime
from service.schemas.ollama import (
    ModelDetails,
    OllamaEmbeddingsRequest,
    OllamaEmbeddingsResponse,
    OllamaEmbedRequest,
    OllamaEmbedResponse,
    OllamaErrorBody,
    Tag,
    Tags,
    Version,
)
from service.vectors import Rows

router = APIRouter(route_class=JsonRoute, tags=["Ollama"])

_LATEST = ":latest"
_NOTHING = np.empty((0, 0), dtype=np.float32)
_ERRORS = error_responses(OllamaErrorBody) | {
    400: {"model": OllamaErrorBody, "description": "The body or one of its fields is wrong."},
    404: {"model": OllamaErrorBody, "description": "A model was named that is not served."},
    422: {"model": OllamaErrorBody, "description": "Not used: Ollama says 400."},
}
_UNAUTHORIZED: dict[int | str, dict[str, Any]] = {401: _ERRORS[401]}


@router.post("/api/embed", response_model=OllamaEmbedResponse, responses=_ERRORS)
async def embed(body: OllamaEmbedRequest, encoder: EncoderDep, call: CallDep) -> Response:
    """Embed texts: unit vectors in order."""
    _check_model(body.model, encoder)
    if not body.input:
        return _embed_response(body.model, _NOTHING, 0, call, {})
    texts = listed("input", body.input)
    check_count("input", len(body.input), call.settings.max_client_batch_size)
    texts.check()
    with named(texts.place):
        embeddings = await encoder.embed(
            texts.texts,
            truncate=call.truncate(body.truncate),
            dimensions=body.dimensions,
            negation_weight=body.negation_weight,
            deadline=call.deadline,
        )
    headers = response_headers(call, encoder, embeddings, texts, embeddings.truncated)
    return _embed_response(body.model, embeddings.vectors, embeddings.tokens, call, headers)


@router.post("/api/embeddings", response_model=OllamaEmbeddingsResponse, responses=_ERRORS)
async def embed_one(body: OllamaEmbeddingsRequest, encoder: EncoderDep, call: CallDep) -> Response:
    """Embed one text, in Ollama's older form; the vector has unit length here too."""
    _check_model(body.model, encoder)
    if not body.prompt:
        return json_response({"embedding": []})
    text = single("prompt", body.prompt)
    text.check()
    with named(text.place):
        embeddings = await encoder.embed(
            text.texts,
            truncate=call.truncate(None),
            negation_weight=body.negation_weight,
            deadline=call.deadline,
        )
    headers = response_headers(call, encoder, embeddings, text, embeddings.truncated)
    return json_response({"embedding": embeddings.vectors[0]}, headers=headers)


@router.get("/api/tags", response_model=Tags, responses=_UNAUTHORIZED | {503: _ERRORS[503]})
async def tags(runtime: RuntimeDep, encoder: EncoderDep) -> Response:
    """List the one served model."""
    return json_response(Tags(models=[_tag(runtime, encoder)]).model_dump())


@router.get("/api/version", response_model=Version, responses=_UNAUTHORIZED)
async def version() -> Response:
    """Give the version of this service, which is not one of Ollama's."""
    return json_response({"version": __version__})


def _check_model(name: str, encoder: Encoder) -> None:
    served = encoder.spec.name
    if name not in (served, served + _LATEST):
        raise UnknownModel(f"model {name!r} not found: this server has {served!r}", param="model")


def _embed_response(
    model: str, vectors: Rows, tokens: int, call: Call, headers: dict[str, str]
) -> Response:
    content = {
        "model": model,
        "embeddings": vectors,
        "total_duration": round((time.perf_counter() - call.started) * 1e9),
        "load_duration": 0,
        "prompt_eval_count": tokens,
    }
    return json_response(content, headers=headers)


def _tag(runtime: Runtime, encoder: Encoder) -> Tag:
    name = encoder.spec.name + _LATEST
    family = encoder.spec.model_type
    return Tag(
        name=name,
        model=name,
        modified_at=datetime.fromtimestamp(runtime.created, UTC).isoformat(),
        size=encoder.spec.size,
        details=ModelDetails(family=family, families=[family]),
    )

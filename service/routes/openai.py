"""OpenAI's routes: embeddings and the list of models."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from fastapi import APIRouter
from numpy.typing import NDArray
from starlette.responses import Response

from service.errors import UnknownModel
from service.quantization import to_base64
from service.routes.body import JsonRoute
from service.routes.dependencies import CallDep, EncoderDep, RuntimeDep
from service.routes.headers import response_headers
from service.routes.octets import OCTETS, OctetsDep, octets_response
from service.routes.rendering import error_responses, json_response
from service.routes.texts import Texts, check_count, listed, named
from service.runtime import Runtime
from service.schemas.openai import (
    EmbeddingsRequest,
    EmbeddingsResponse,
    Model,
    ModelList,
    OpenAIErrorBody,
    are_token_arrays,
)
from service.token_decoder import TokenDecoder

router = APIRouter(route_class=JsonRoute, tags=["OpenAI"])

_ERRORS = error_responses(OpenAIErrorBody)


@router.post("/v1/embeddings", response_model=EmbeddingsResponse, responses=OCTETS | _ERRORS)
@router.post("/embeddings", response_model=EmbeddingsResponse, responses=OCTETS | _ERRORS)
async def embeddings(
    body: EmbeddingsRequest,
    encoder: EncoderDep,
    call: CallDep,
    runtime: RuntimeDep,
    as_octets: OctetsDep,
) -> Response:
    """Embed texts: unit vectors in order.

    Any `model` name is taken, as clients send names of their own; the response has the real one.
    Token ids are turned back into text, and `x-token-encoding` names what they were read as.
    """
    check_count("input", len(body.input), call.settings.max_client_batch_size)
    texts, encoding_headers = await _read(body, runtime.token_decoder)
    texts.check()
    with named(texts.place):
        result = await encoder.embed(
            texts.texts,
            truncate=call.truncate(None),
            dimensions=body.dimensions,
            negation_weight=body.negation_weight,
            deadline=call.deadline,
        )
    headers = response_headers(call, encoder, result, texts, result.truncated) | encoding_headers
    if as_octets:
        return octets_response(result.vectors, headers)
    tokens = sum(result.token_counts)
    content = {
        "object": "list",
        "data": _items(result.vectors, body.encoding_format == "base64"),
        "model": call.settings.model_name,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
    return json_response(content, headers=headers)


async def _read(body: EmbeddingsRequest, decoder: TokenDecoder) -> tuple[Texts, dict[str, str]]:
    """Return the texts, and the header that says how token ids were read."""
    if not are_token_arrays(body.input):
        return listed("input", cast(list[str], body.input)), {}
    with named(listed("input", []).place):
        texts = await decoder.decode(body.input)
    return listed("input", texts), {"x-token-encoding": str(decoder.name)}


def _items(vectors: NDArray[np.float32], as_base64: bool) -> list[dict[str, Any]]:
    rows = to_base64(vectors) if as_base64 else vectors
    return [
        {"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(rows)
    ]


@router.get(
    "/v1/models",
    response_model=ModelList,
    responses={401: _ERRORS[401]},
)
async def list_models(runtime: RuntimeDep) -> Response:
    """List the one served model."""
    return json_response({"object": "list", "data": [_model(runtime)]})


@router.get(
    "/v1/models/{name:path}",
    response_model=Model,
    responses={
        401: _ERRORS[401],
        404: {"model": OpenAIErrorBody, "description": "Another model is served."},
    },
)
async def retrieve_model(name: str, runtime: RuntimeDep) -> Response:
    """Describe the served model."""
    if name != runtime.settings.model_name:
        raise UnknownModel(f"the model {name!r} is not served here", param="model")
    return json_response(_model(runtime))


def _model(runtime: Runtime) -> dict[str, Any]:
    created = int(runtime.created)
    return Model(id=runtime.settings.model_name, created=created).model_dump()

"""Errors as each route family writes them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from service.errors import (
    InputTooLong,
    InvalidInput,
    Overloaded,
    RequestTimeout,
    ServiceError,
    Unauthorized,
    Unavailable,
    UnsupportedEncoding,
)

_MAX_MESSAGE_LENGTH = 500

_WEAVIATE_PATHS = ("/vectors", "/meta", "/.well-known/")

_REASONS = {
    400: "The body is not JSON, or there is nothing to embed.",
    401: "The API key is missing or wrong; only where the server asks for one.",
    408: "The body did not arrive in time.",
    413: "The body is too large.",
    415: "The body is compressed, and not as gzip.",
    422: "A field is wrong, a text is too long, or there are too many.",
    424: "Inference failed on a text, or the model that the route needs is not loaded.",
    429: "The queue is full; `retry-after` says when to come back.",
    503: "The service is starting or stopping, or inference is stuck; `retry-after` is set.",
    504: "The deadline passed before the request was answered.",
}


def error_responses(body: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """Document the errors of a family whose error shape is `body`."""
    return {status: {"model": body, "description": why} for status, why in _REASONS.items()}


def json_response(
    content: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Write `content`, numpy arrays included, as JSON."""
    body = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, status, headers, media_type="application/json")


def error_response(error: ServiceError, path: str) -> Response:
    """Render `error` in the shape of the family that `path` belongs to."""
    headers = {}
    if isinstance(error, Overloaded | Unavailable):
        headers["retry-after"] = str(math.ceil(error.retry_after))
        headers["retry-after-ms"] = str(math.ceil(error.retry_after * 1000))
    if isinstance(error, Unauthorized):
        headers["www-authenticate"] = "Bearer"
    if isinstance(error, UnsupportedEncoding):
        headers["accept-encoding"] = "gzip"
    if isinstance(error, RequestTimeout):
        headers["connection"] = "close"  # the rest of the body is not waited for
    status = 400 if error.status == 422 and path.startswith("/api/") else error.status
    return json_response(_renderer(path)(error), status=status, headers=headers)


def _renderer(path: str) -> Callable[[ServiceError], dict[str, Any]]:
    if path == "/v1/rerank":
        return _jina_body
    if path == "/v1/embed" or path.startswith("/v2/"):
        return _cohere_body
    if path.startswith("/v1/") or path == "/embeddings":
        return _openai_body
    if path.startswith("/api/"):
        return _ollama_body
    return _weaviate_body if path.startswith(_WEAVIATE_PATHS) else _tei_body


def _tei_body(error: ServiceError) -> dict[str, Any]:
    body: dict[str, Any] = {"error": _printable(error.message), "error_type": error.type}
    return body if error.index is None else body | {"index": error.index}


def _openai_body(error: ServiceError) -> dict[str, Any]:
    kind = "invalid_request_error" if error.status < 500 else "server_error"
    if isinstance(error, Overloaded):
        kind = "rate_limit_error"
    fields: dict[str, Any] = {
        "message": _printable(error.message),
        "type": kind,
        "param": error.param,
        "code": error.code,
    }
    return {"error": fields if error.index is None else fields | {"index": error.index}}


def _jina_body(error: ServiceError) -> dict[str, Any]:
    # Other servers answer on this path as OpenAI would, and their clients read that.
    return {"detail": _printable(error.message), **_openai_body(error)}


def _cohere_body(error: ServiceError) -> dict[str, Any]:
    body: dict[str, Any] = {"message": _printable(error.message)}
    return body if error.index is None else body | {"index": error.index}


def _ollama_body(error: ServiceError) -> dict[str, Any]:
    body = _weaviate_body(error)
    if isinstance(error, InputTooLong):
        # Ollama's words, by which its clients know what to do.
        body["error"] = f"the input length exceeds the context length: {body['error']}"
    return body


def _weaviate_body(error: ServiceError) -> dict[str, Any]:
    body: dict[str, Any] = {"error": _printable(error.message)}
    return body if error.index is None else body | {"index": error.index}


def _printable(message: str) -> str:
    """Bound a message that may quote the client, and replace what UTF-8 cannot hold."""
    if len(message) > _MAX_MESSAGE_LENGTH:
        message = message[:_MAX_MESSAGE_LENGTH] + "..."
    return message.encode(errors="replace").decode()


def explain(error: RequestValidationError) -> InvalidInput:
    """Say in one sentence what the first fault of a request is, and where."""
    fault = error.errors()[0]
    # The first part is always "body"; a tag in angle brackets names a form, not a place.
    places = [part for part in fault["loc"][1:] if not str(part).startswith("<")]
    index = fault.get("ctx", {}).get("index")
    if index is not None:
        places.append(index)
    indices = [place for place in places if isinstance(place, int)]
    return InvalidInput(
        f"{_location(places)}{_complaint(fault)}",
        index=indices[0] if indices else None,
        param=str(places[0]) if places else None,
    )


def _location(places: Sequence[int | str]) -> str:
    """Write ("pairs", 3, "a") as `pairs[3].a`."""
    if not places:
        return ""
    parts = [f"[{place}]" if isinstance(place, int) else f".{place}" for place in places]
    return f"`{''.join(parts).removeprefix('.')}`"


def _complaint(fault: Mapping[str, Any]) -> str:
    """Continue a sentence that began with the place, or begin one where there is no place."""
    if fault["type"] == "form":
        return str(fault["msg"])
    if len(fault["loc"]) == 1 or fault["type"] in ("model_type", "model_attributes_type"):
        subject = "the body" if len(fault["loc"]) == 1 else ""
        return f"{subject} must be a JSON object"
    if fault["type"] == "missing":
        return " is required"
    message: str = fault["msg"]
    message = message.replace("Input should be a valid integer", "must be an integer")
    return " " + message.replace("Input should", "must").replace("must be a valid", "must be a", 1)


class RouteError(ServiceError):
    """No route, or none for this method; its status is the router's."""

    type = "Validation"
    code = "not_found"

    def __init__(self, error: HTTPException, request: Request) -> None:
        reasons = {404: "there is no such route", 405: "this route does not allow the method"}
        reason = reasons.get(error.status_code, error.detail)
        super().__init__(f"{reason}: {request.method} {request.scope['path']}")
        self.status = error.status_code
        if error.status_code == 405:
            self.code = "method_not_allowed"

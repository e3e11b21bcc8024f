"""Counts inference requests under text-embeddings-inference's names."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi.exceptions import RequestValidationError
from starlette.requests import ClientDisconnect

from service.errors import (
    DeadlineExceeded,
    InvalidInput,
    Overloaded,
    TooManyInputs,
    WrongModelType,
)
from service.metrics import Metrics

# The first class that fits names the cause.
_CAUSES: tuple[tuple[type[Exception], str], ...] = (
    (TooManyInputs, "batch_size"),
    (InvalidInput, "validation"),
    (RequestValidationError, "validation"),
    (Overloaded, "overloaded"),
    (DeadlineExceeded, "overloaded"),
    (WrongModelType, "model_type"),
    (ClientDisconnect, "dropped"),
)

# Where the families have the texts to embed.
_TEXTS = ("inputs", "input", "text", "prompt")


@contextmanager
def recorded(metrics: Metrics, body: object) -> Iterator[None]:
    """Count the request with this body, what becomes of it, and how long it takes.

    A request whose body cannot be read is not counted, as in text-embeddings-inference.
    """
    method = _method(body)
    started = time.perf_counter()
    metrics.request_count.labels(method).inc()
    try:
        yield
    except Exception as error:
        cause = next((name for kind, name in _CAUSES if isinstance(error, kind)), "inference")
        metrics.request_failure.labels(cause).inc()
        raise
    metrics.request_success.labels(method).inc()
    metrics.request_duration.observe(time.perf_counter() - started)


def _method(body: object) -> str:
    fields = body if isinstance(body, dict) else {}
    texts = next((fields[name] for name in _TEXTS if name in fields), None)
    return "single" if isinstance(texts, str) else "batch"

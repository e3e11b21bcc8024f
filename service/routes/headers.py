"""Response headers of the inference routes: where the time went, and what was cut."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from service.routes.dependencies import Call
from service.routes.texts import Texts
from service.timing import Timing

_MAX_LISTED = 100


class Model(Protocol):
    """An encoder, a discriminator or a reranker: what runs somewhere."""

    provider: str


class Results(Protocol):
    """What one of them gave."""

    @property
    def tokens(self) -> int:
        """Tokens that were run."""

    @property
    def timing(self) -> Timing:
        """Where the time went."""


def response_headers(
    call: Call, model: Model, results: Results, texts: Texts, truncated: Sequence[int]
) -> dict[str, str]:
    """Return text-embeddings-inference's headers, and ours on what was cut.

    Times are whole milliseconds. How many inputs were cut and which (the first hundred) is said
    where any was.

    Args:
        call: The request.
        model: What ran.
        results: What it gave.
        texts: The texts of the request.
        truncated: Numbers of those that were cut.
    """
    total = _milliseconds(time.perf_counter() - call.started)
    timing = results.timing
    headers = {
        "x-compute-type": model.provider,
        "x-compute-time": total,
        "x-compute-characters": str(sum(map(len, texts.texts))),
        "x-compute-tokens": str(results.tokens),
        "x-total-time": total,
        "x-tokenization-time": _milliseconds(timing.tokenization),
        "x-queue-time": _milliseconds(timing.queue),
        "x-inference-time": _milliseconds(timing.inference),
    }
    if entries := texts.entries(truncated):
        headers["x-truncated-inputs"] = ",".join(entries[:_MAX_LISTED])
        headers["x-truncated-count"] = str(len(entries))
    return headers


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))

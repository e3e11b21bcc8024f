"""Traces of requests: an optional extra, off unless an endpoint is set.

`Tracing` traces nothing and costs as much; `service.spans` has the one that writes OpenTelemetry
spans, and is imported only where it is asked for, because its packages take time to load.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import cast

from service.errors import StartupError
from service.timing import Timing

# Told the route and the status of the response.
Ending = Callable[[str, int], None]


def _no_ending(route: str, status: int) -> None:
    pass


class Tracing:
    """Traces nothing."""

    @contextmanager
    def request(self, method: str, headers: Mapping[str, str]) -> Iterator[Ending]:
        """Trace a request during the block, as a part of the trace that its headers name.

        Yields:
            What to tell about the response.
        """
        yield _no_ending

    def inference(self, model: str, texts: int, timing: Timing) -> None:
        """Record that texts have just been answered, and where their time went."""

    def close(self) -> None:
        """Send what is left, and stop; it may wait for a collector that does not answer."""


def open_tracing(endpoint: str | None) -> Tracing:
    """Return what traces to this URL; None traces nothing.

    Raises:
        StartupError: The packages of the extra `otel` are not installed.
    """
    if endpoint is None:
        return Tracing()
    try:
        spans = importlib.import_module("service.spans")
    except ModuleNotFoundError as error:
        raise StartupError(
            f"otlp_endpoint needs the package {error.name}: install litotes[otel]"
        ) from error
    return cast(Tracing, spans.SpanTracing.to(endpoint))

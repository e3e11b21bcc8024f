"""Requests as OpenTelemetry spans. Imported where traces are asked for only: see `tracing`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Self

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind

from service.timing import Timing
from service.tracing import Ending, Tracing

_NANOSECONDS = 1_000_000_000

# Seconds for which spans are sent again to a collector that does not take them; so long it may hold
# up the end of the process.
_PATIENCE = 2.0


class SpanTracing(Tracing):
    """Writes a span for each request, with one child for each thing its texts went through.

    The children are written when the answer is there, from durations that are measured anyway.

    Args:
        processor: Takes the spans that have ended.
    """

    def __init__(self, processor: SpanProcessor) -> None:
        self._provider = TracerProvider(resource=Resource.create({"service.name": "litotes"}))
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("litotes")

    @classmethod
    def to(cls, endpoint: str) -> Self:
        """Send the spans to this URL, in the background."""
        return cls(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, timeout=_PATIENCE)))

    @contextmanager
    def request(self, method: str, headers: Mapping[str, str]) -> Iterator[Ending]:
        """Trace a request during the block, as a part of the trace that its headers name."""
        with self._tracer.start_as_current_span(
            method, context=extract(headers), kind=SpanKind.SERVER
        ) as span:

            def end(route: str, status: int) -> None:
                span.update_name(f"{method} {route}")
                span.set_attribute("http.request.method", method)
                span.set_attribute("http.route", route)
                span.set_attribute("http.response.status_code", status)

            yield end

    def inference(self, model: str, texts: int, timing: Timing) -> None:
        """Write the spans `tokenise`, `queue` and `inference`, one after the other.

        A large request waits between its forward passes as well: the spans' lengths are right,
        their places are those of a request of one pass.
        """
        end = time.time_ns()
        attributes: dict[str, str | int] = {"litotes.model": model, "litotes.texts": texts}
        for name, seconds in (
            ("inference", timing.inference),
            ("queue", timing.queue),
            ("tokenise", timing.tokenization),
        ):
            start = end - round(seconds * _NANOSECONDS)
            span = self._tracer.start_span(name, start_time=start, attributes=attributes)
            span.end(end)
            end = start

    def close(self) -> None:
        """Send what is left, and stop."""
        self._provider.shutdown()

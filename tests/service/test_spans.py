"""OpenTelemetry spans, taken in memory."""

from __future__ import annotations

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from serving import serving

from service import app as app_module
from service.errors import StartupError
from service.settings import Settings
from service.spans import SpanTracing
from service.timing import Timing
from service.tracing import Tracing, open_tracing

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_nothing_is_traced_without_an_endpoint() -> None:
    assert type(open_tracing(None)) is Tracing


def test_the_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(name="opentelemetry.sdk")

    monkeypatch.setattr("service.tracing.importlib.import_module", absent)
    with pytest.raises(StartupError, match=r"opentelemetry\.sdk: install litotes\[otel\]"):
        open_tracing("http://127.0.0.1:1/v1/traces")


def test_the_children_have_the_lengths_that_were_measured() -> None:
    exporter = InMemorySpanExporter()
    tracing = SpanTracing(SimpleSpanProcessor(exporter))
    tracing.inference("m", 3, Timing(tokenization=0.5, queue=0.25, inference=2.0))
    lengths = {span.name: (span.end_time - span.start_time) / 1e9 for span in _ended(exporter)}
    assert lengths == {"tokenise": 0.5, "queue": 0.25, "inference": 2.0}
    tracing.close()


def test_a_request_is_a_part_of_its_clients_trace(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter = InMemorySpanExporter()
    monkeypatch.setattr(
        app_module, "open_tracing", lambda _: SpanTracing(SimpleSpanProcessor(exporter))
    )
    alone = settings.model_copy(update={"pair_model": None})
    with serving(alone) as url:
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
        httpx.post(f"{url}/embed", json={"inputs": ["no", "not"]}, headers=headers)
    spans = {span.name: span for span in _ended(exporter)}
    assert set(spans) == {"POST /embed", "tokenise", "queue", "inference"}
    request = spans.pop("POST /embed")
    assert f"{request.context.trace_id:032x}" == TRACE
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" == PARENT
    assert request.attributes is not None
    assert request.attributes["http.response.status_code"] == 200
    for child in spans.values():
        assert child.parent is not None
        assert child.parent.span_id == request.context.span_id
        assert child.attributes == {"litotes.model": "tiny", "litotes.texts": 2}


def _ended(exporter: InMemorySpanExporter) -> list[ReadableSpan]:
    return list(exporter.get_finished_spans())

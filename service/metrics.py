"""The Prometheus instruments, and nothing else.

Two families. `te_*` carries text-embeddings-inference's names where the meaning is the same, so
that dashboards made for it go on working; they describe the encoder, which is the one model that
server would run. `litotes_*` is labelled by model and covers the pair model too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

DropReason = Literal["cancelled", "deadline", "failed", "stopped"]

_SECONDS = [0.0001 * 1.5**n for n in range(34)]  # 0.1 ms to 65 s
_POWERS_OF_TWO = [float(2**n) for n in range(17)]
_SHARES = [0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0]


class Metrics:
    """All instruments of one application, on a registry of its own.

    The HTTP layer counts requests (`request_*`, `embed_*` by method); the encoder and the batchers
    record what happens below it through `for_model`.
    """

    def __init__(self) -> None:
        # A creation time beside every series doubles them, and no peer exposes one.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._make_request_instruments()
        self._make_encoder_instruments()
        self._make_model_instruments()

    def render(self) -> bytes:
        """Return every series in Prometheus' text format."""
        return generate_latest(self.registry)

    def for_model(self, model: str, *, encoder: bool) -> ModelMetrics:
        """Return the recorder for one model; only the encoder's feeds the `te_*` family."""
        return ModelMetrics(self, model, encoder=encoder)

    def _make_request_instruments(self) -> None:
        self.request_count = self._tei_counter("te_request_count", "Requests.", "method")
        self.request_success = self._tei_counter(
            "te_request_success", "Requests answered with a result.", "method"
        )
        self.request_failure = self._tei_counter(
            "te_request_failure",
            "Requests refused or failed, by cause: overloaded, batch_size, validation,"
            " tokenization, inference, model_type, dropped.",
            "err",
        )
        self.request_duration = self._seconds("te_request_duration", "Whole request.")
        self.http_requests = Counter(
            "litotes_http_requests",
            "Responses of any kind, by the route's template; `unknown` where there is none.",
            ["route", "method", "status"],
            registry=self.registry,
        )
        self.http_duration = self._histogram(
            "litotes_http_request_duration_seconds",
            "From a request to its response.",
            _SECONDS,
            "route",
        )

    def _make_encoder_instruments(self) -> None:
        self.embed_count = self._tei_counter("te_embed_count", "Texts to embed.")
        self.embed_success = self._tei_counter("te_embed_success", "Texts embedded.")
        self.tokenization_duration = self._seconds(
            "te_request_tokenization_duration", "Tokenisation of a request."
        )
        self.queue_duration = self._seconds(
            "te_request_queue_duration", "Time of a request outside its own forward passes."
        )
        self.inference_duration = self._seconds(
            "te_request_inference_duration", "Forward passes that held texts of a request."
        )
        self.input_length = self._histogram(
            "te_request_input_length", "Tokens of a text, before truncation.", _POWERS_OF_TWO
        )
        self.batch_next_size = self._histogram(
            "te_batch_next_size", "Texts of a batch.", _POWERS_OF_TWO
        )
        self.batch_next_tokens = self._histogram(
            "te_batch_next_tokens", "Tokens of a batch, without padding.", _POWERS_OF_TWO
        )
        self.queue_size = Gauge("te_queue_size", "Texts waiting.", registry=self.registry)

    def _make_model_instruments(self) -> None:
        self.model_ready = self._gauge("litotes_model_ready", "1 while the model answers.")
        self.provider = self._gauge(
            "litotes_provider_info", "1 for the execution provider that really runs.", "provider"
        )
        self.queue_texts = self._gauge("litotes_queue_texts", "Texts waiting.")
        self.queue_tokens = self._gauge("litotes_queue_tokens", "Tokens waiting.")
        self.batch_size = self._histogram(
            "litotes_batch_size", "Texts of a batch.", _POWERS_OF_TWO, "model"
        )
        self.batch_duration = self._histogram(
            "litotes_batch_duration_seconds", "Forward pass of a batch.", _SECONDS, "model"
        )
        self.batch_gap = self._histogram(
            "litotes_batch_gap_seconds",
            "From the end of a forward pass to the start of the next, while texts waited.",
            _SECONDS,
            "model",
        )
        self.padding_ratio = self._histogram(
            "litotes_padding_ratio", "Share of a batch that is padding.", _SHARES, "model"
        )
        self.padding_tokens = self._counter("litotes_padding_tokens", "Padding that was run.")
        self.tokens = self._counter("litotes_tokens", "Tokens run, without padding.")
        self.texts = self._counter(
            "litotes_texts",
            "Texts run and answered; a pair counts once for each order, a passage for each window,"
            " and texts alike in one request count as one.",
        )
        self.cached_texts = self._counter(
            "litotes_cached_texts", "Texts answered from the cache, without a forward pass."
        )
        self.truncated_inputs = self._counter("litotes_truncated_inputs", "Texts that were cut.")
        self.failed_batches = self._counter("litotes_failed_batches", "Forward passes that raised.")
        self.refused_requests = self._counter(
            "litotes_refused_requests", "Requests refused with 429: the queue was full."
        )
        self.dropped_entries = self._counter(
            "litotes_dropped_entries",
            "Texts that left the queue without a forward pass, by reason.",
            "reason",
        )

    def _seconds(self, name: str, text: str) -> Histogram:
        return self._histogram(name, f"{text} Seconds.", _SECONDS)

    def _histogram(self, name: str, text: str, buckets: list[float], *labels: str) -> Histogram:
        return Histogram(name, text, labels, buckets=buckets, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, ["model", *labels], registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, ["model", *labels], registry=self.registry)

    def _tei_counter(self, name: str, text: str, *labels: str) -> Counter:
        return _BareCounter(name, text, labels, registry=self.registry)


class ModelMetrics:
    """Records what one model's tokenizer, queue and forward passes do.

    Args:
        metrics: The application's instruments.
        model: Value of the `model` label.
        encoder: Whether to feed the unlabelled `te_*` family as well.

    Attributes:
        model: Value of the `model` label.
    """

    def __init__(self, metrics: Metrics, model: str, *, encoder: bool) -> None:
        self._metrics = metrics
        self.model = model
        self._encoder = encoder
        for waiting in (metrics.queue_texts, metrics.queue_tokens):  # 0 while the model loads
            waiting.labels(model)
        self._batch_size = metrics.batch_size.labels(model)
        self._batch_duration = metrics.batch_duration.labels(model)
        self._batch_gap = metrics.batch_gap.labels(model)
        self._padding_ratio = metrics.padding_ratio.labels(model)
        self._padding_tokens = metrics.padding_tokens.labels(model)
        self._tokens = metrics.tokens.labels(model)
        self._texts = metrics.texts.labels(model)
        self._cached = metrics.cached_texts.labels(model)
        self._truncated = metrics.truncated_inputs.labels(model)
        self._failed_batches = metrics.failed_batches.labels(model)
        self._refused = metrics.refused_requests.labels(model)
        for reason in get_args(DropReason):  # from zero on, or its first rise is no rate
            metrics.dropped_entries.labels(model, reason)

    def expose(self, *, provider: str, ready: Callable[[], bool]) -> None:
        """Say which provider runs, and ask `ready` at every scrape."""
        self._metrics.provider.labels(self.model, provider).set(1)
        self._metrics.model_ready.labels(self.model).set_function(lambda: float(ready()))

    def tokenized(self, lengths: list[int], *, truncated: int, seconds: float) -> None:
        """A request's texts have become tokens; `lengths` are those before truncation."""
        self._truncated.inc(truncated)
        if not self._encoder:
            return
        self._metrics.embed_count.inc(len(lengths))
        self._metrics.tokenization_duration.observe(seconds)
        for length in lengths:
            self._metrics.input_length.observe(length)

    def watch_queue(self, texts: Callable[[], int], tokens: Callable[[], int]) -> None:
        """Ask what the queue holds at every scrape."""
        self._metrics.queue_texts.labels(self.model).set_function(texts)
        self._metrics.queue_tokens.labels(self.model).set_function(tokens)
        if self._encoder:
            self._metrics.queue_size.set_function(texts)

    def followed(self, gap: float) -> None:
        """A forward pass has begun so many seconds after the one that it follows."""
        self._batch_gap.observe(gap)

    def ran(self, *, texts: int, tokens: int, padded_tokens: int, seconds: float) -> None:
        """A forward pass has ended well."""
        self._batch_size.observe(texts)
        self._batch_duration.observe(seconds)
        self._tokens.inc(tokens)
        self._padding_tokens.inc(padded_tokens - tokens)
        self._padding_ratio.observe(1 - tokens / padded_tokens)
        if self._encoder:
            self._metrics.batch_next_size.observe(texts)
            self._metrics.batch_next_tokens.observe(tokens)

    def answered(self, texts: int, *, queue: float, inference: float) -> None:
        """A request has all of its rows."""
        self._texts.inc(texts)
        if self._encoder:
            self._metrics.embed_success.inc(texts)
            self._metrics.queue_duration.observe(queue)
            self._metrics.inference_duration.observe(inference)

    def cached(self, texts: int) -> None:
        """Texts were found in the cache."""
        self._cached.inc(texts)

    def dropped(self, texts: int, reason: DropReason) -> None:
        """Queued texts were given up without a forward pass."""
        self._metrics.dropped_entries.labels(self.model, reason).inc(texts)

    def refused(self) -> None:
        """A request found the queue full."""
        self._refused.inc()

    def batch_failed(self) -> None:
        """A forward pass raised."""
        self._failed_batches.inc()


class _BareCounter(Counter):
    """A counter whose series has exactly the name it was given.

    prometheus_client appends `_total`; scrapers written for text-embeddings-inference do not.
    """

    def collect(self) -> Iterator[Metric]:
        for metric in super().collect():
            bare = Metric(metric.name, metric.documentation, "unknown")
            bare.samples = [sample._replace(name=metric.name) for sample in metric.samples]
            yield bare

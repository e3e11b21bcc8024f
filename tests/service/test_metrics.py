"""The series that a scraper sees."""

from __future__ import annotations

from service.metrics import Metrics


def names(metrics: Metrics) -> set[str]:
    lines = metrics.render().decode().splitlines()
    return {line.partition("{")[0].partition(" ")[0] for line in lines if line[0] != "#"}


def used() -> Metrics:
    metrics = Metrics()
    metrics.request_count.labels("single").inc()
    metrics.request_success.labels("single").inc()
    metrics.request_failure.labels("overloaded").inc()
    model = metrics.for_model("m", encoder=True)
    model.tokenized([3, 40], truncated=1, seconds=0.1)
    model.watch_queue(lambda: 2, lambda: 43)
    model.ran(texts=2, tokens=43, padded_tokens=80, seconds=0.1)
    model.answered(2, queue=0.1, inference=0.1)
    model.expose(provider="CPU", ready=lambda: True)
    return metrics


def test_the_names_are_those_that_existing_scrapers_ask_for() -> None:
    counters = {"te_request_count", "te_request_success", "te_request_failure", "te_queue_size"}
    counters |= {"te_embed_count", "te_embed_success"}
    histograms = {"duration", "tokenization_duration", "queue_duration", "inference_duration"}
    histograms = {f"te_request_{name}" for name in (*histograms, "input_length")}
    histograms |= {"te_batch_next_size", "te_batch_next_tokens"}
    assert names(used()) >= counters | {f"{name}_count" for name in histograms}


def test_no_series_is_a_creation_time() -> None:
    assert not [name for name in names(used()) if name.endswith("_created")]


def test_applications_do_not_share_their_counts() -> None:
    first, second = used(), Metrics()
    assert first.registry.get_sample_value("te_embed_count") == 2
    assert second.registry.get_sample_value("te_embed_count") == 0


def test_the_pair_model_does_not_feed_the_encoders_series() -> None:
    metrics = Metrics()
    metrics.for_model("pair", encoder=False).ran(texts=2, tokens=9, padded_tokens=10, seconds=0.1)
    value = metrics.registry.get_sample_value
    assert value("te_batch_next_size_count") == 0
    assert value("litotes_batch_size_count", {"model": "pair"}) == 1


def test_nothing_waits_while_a_model_loads() -> None:
    metrics = Metrics()
    metrics.for_model("m", encoder=False)
    assert metrics.registry.get_sample_value("litotes_queue_texts", {"model": "m"}) == 0
    assert metrics.registry.get_sample_value("litotes_queue_tokens", {"model": "m"}) == 0


def test_readiness_is_asked_for_at_each_scrape() -> None:
    metrics, answers = Metrics(), iter([True, False])
    metrics.for_model("m", encoder=True).expose(provider="CPU", ready=lambda: next(answers))
    series = "litotes_model_ready", {"model": "m"}
    assert metrics.registry.get_sample_value(*series) == 1
    assert metrics.registry.get_sample_value(*series) == 0

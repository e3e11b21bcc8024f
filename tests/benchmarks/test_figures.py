"""Percentiles, rates and medians."""

from __future__ import annotations

import pytest

from benchmarks.figures import Samples, medians, percentile, summarise


def test_a_percentile_is_a_value_that_was_seen() -> None:
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert percentile(values, 0.5) == 3
    assert percentile(values, 0.99) == 5
    assert percentile([7.0], 0.5) == 7
    assert percentile([], 0.5) is None


def test_a_summary_has_rates_and_milliseconds() -> None:
    samples = Samples(2.0, items=10, tokens=300, latencies=[0.1, 0.2, 0.3], errors={"429": 2})
    figures = summarise(samples)
    assert figures["texts_per_s"] == pytest.approx(5)
    assert figures["tokens_per_s"] == pytest.approx(150)
    assert figures["p50_ms"] == pytest.approx(200)
    assert figures["errors"] == 2


def test_a_stream_that_nobody_answered_has_no_latency() -> None:
    figures = summarise(Samples(1.0, 0, 0, [], {"TimeoutError": 1}))
    assert figures["texts_per_s"] == 0
    assert figures["p99_ms"] is None


def test_repeats_become_their_median_and_their_errors_are_added() -> None:
    runs = [{"a": 1.0, "errors": 1}, {"a": 9.0, "errors": 0}, {"a": 2.0, "errors": 2}]
    figures = medians(runs)
    assert figures["a"] == 2
    assert figures["errors"] == 3
    assert figures["spread"]["a"] == (1, 9)
    assert figures["runs"] == 3


def test_a_figure_that_one_repeat_lacks_is_the_median_of_the_others() -> None:
    assert medians([{"p50_ms": 4.0}, {"p50_ms": None}])["p50_ms"] == 4

"""Batches on a clock of their own."""

from __future__ import annotations

import pytest

from benchmarks.schedule import TOKENS_PER_MS, Load, Simulation
from service.batch_shape import BatchLimits

LIMITS = BatchLimits(max_batch_tokens=100, max_batch_size=10, max_queue_tokens=10_000)


def run(load: Load, *, pass_cost: int, passes: float) -> dict[str, float]:
    """Begin passes for as long as so many of 100 tokens and their cost take."""
    simulation = Simulation(load, LIMITS, pass_cost=pass_cost)
    return simulation.run(passes * (100 + pass_cost) / TOKENS_PER_MS)


def test_full_passes_of_one_length_lose_their_fixed_cost_alone() -> None:
    seen = run(Load([[25] * 8], 1), pass_cost=25, passes=40)
    assert seen["padding"] == 0
    assert seen["mean_pass_ms"] == 125 / TOKENS_PER_MS
    assert seen["tokens_per_ms"] == pytest.approx(TOKENS_PER_MS * 100 / 125)
    assert seen["p99_ms"] is None


def test_a_query_waits_for_the_pass_under_way_and_its_own() -> None:
    # It comes in the middle of the fourth pass.
    load = Load([[100] * 50], 1, queries=[[5]], interval=3.5 * 100 / TOKENS_PER_MS)
    seen = run(load, pass_cost=0, passes=4.5)
    assert seen["p50_ms"] == pytest.approx((0.5 * 100 + 5) / TOKENS_PER_MS)


def test_a_client_of_a_closed_loop_asks_again_when_it_is_answered() -> None:
    seen = run(Load([[50], [25]], 1), pass_cost=0, passes=7.5)
    assert seen["p50_ms"] == 25 / TOKENS_PER_MS
    assert seen["p99_ms"] == 50 / TOKENS_PER_MS
    assert seen["mean_pass_ms"] == pytest.approx(37.5 / TOKENS_PER_MS)


def test_padding_is_its_share_of_what_is_run() -> None:
    limits = BatchLimits(100, 10, 10_000, padding_allowance=50)
    seen = Simulation(Load([[40, 50]], 1), limits, pass_cost=0).run(100)
    assert seen["padding"] == pytest.approx(10 / 100)

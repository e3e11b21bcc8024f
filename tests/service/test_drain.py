"""How long a refused client is told to wait."""

from __future__ import annotations

import pytest

from service.drain import DrainRate


def test_nothing_observed_gives_a_second() -> None:
    assert DrainRate().seconds_for(1_000_000) == 1


def test_the_wait_is_what_the_tokens_took_before() -> None:
    rate = DrainRate()
    for _ in range(3):
        rate.note(1000, 0.5)
    assert rate.seconds_for(4000) == pytest.approx(2)


def test_later_observations_weigh_more() -> None:
    rate = DrainRate()
    for _ in range(50):
        rate.note(1000, 10)
    for _ in range(50):
        rate.note(1000, 1)
    assert rate.seconds_for(5000) == pytest.approx(5, rel=0.1)


@pytest.mark.parametrize(("tokens", "wait"), [(1, 0.1), (10**9, 60)])
def test_the_wait_stays_within_reason(tokens: int, wait: float) -> None:
    rate = DrainRate()
    rate.note(1000, 1)
    assert rate.seconds_for(tokens) == wait

"""The ratios that the service is held to, from the figures of one comparison."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.comparison import Comparison

OURS = "litotes"
_FAITHFUL = 0.999
_PEERS = ("infinity-optimum", "infinity-torch")


@dataclass(frozen=True)
class Goal:
    """A number to reach.

    Attributes:
        name: What it is.
        value: What was reached; None where it was not measured.
        must: What it must be.
        want: What it should be.
        more_is_better: Whether it must be at least, or at most, these.
    """

    name: str
    value: float | None
    must: float
    want: float
    more_is_better: bool = True

    @property
    def verdict(self) -> str:
        """`want`, `must`, `missed` or `-`."""
        if self.value is None:
            return "-"
        sign = 1 if self.more_is_better else -1
        if sign * self.value >= sign * self.want:
            return "want"
        return "must" if sign * self.value >= sign * self.must else "missed"


def judge(result: Comparison) -> list[Goal]:
    """Return all goals, those that were not measured too."""

    def figure(row: str, target: str, key: str) -> float | None:
        return number(result.figures.get(row, {}).get(target, {}).get(key))

    def speed(target: str) -> float | None:
        return figure("ingestion", target, "tokens_per_s")

    own = speed(OURS)
    faithful = [name for name in _PEERS if is_faithful(result.servers.get(name, {}))]
    best = max((rate for name in faithful if (rate := speed(name)) is not None), default=None)
    busy = figure("interference: short", OURS, "mean_batch_ms")
    late = figure("interference: short", OURS, "p99_ms")
    added = combine(
        lambda a, b: a - b, figure("lone", OURS, "p50_ms"), figure("lone", "lone alone", "p50_ms")
    )
    ours = result.servers.get(OURS, {})
    return [
        Goal(
            "ingestion, share of the engine's ceiling",
            ratio(own, speed("engine alone")),
            0.85,
            0.95,
        ),
        Goal("ingestion, times infinity's best faithful engine", ratio(own, best), 2, 4),
        Goal("ingestion, times FastAPI + sentence-transformers", ratio(own, speed("plain")), 3, 6),
        Goal("lone query, ms added to the engine's p50", added, 2, 0.7, False),
        Goal("p99 of a query beside ingestion, in batches", ratio(late, busy), 2, 1.2, False),
        Goal(
            "padding on the mixed load", figure("mixed", OURS, "padding_ratio"), 0.10, 0.03, False
        ),
        Goal("start to ready, s", number(ours.get("startup_s")), 3, 1, False),
        Goal("resident memory after load, MiB", _resident(result), 400, 250, False),
    ]


def ratio(value: float | None, base: float | None) -> float | None:
    """Divide, where both are there and the base is not zero."""
    return combine(lambda a, b: a / b, value, base or None)


def combine(
    function: Callable[[float, float], float], first: float | None, second: float | None
) -> float | None:
    """Apply a function where both numbers are there."""
    return None if first is None or second is None else function(first, second)


def number(value: object) -> float | None:
    """Return a number as such, and anything else as None."""
    return float(value) if isinstance(value, int | float) else None


def is_faithful(server: Mapping[str, Any]) -> bool:
    """Whether a server gave the model's own vectors."""
    cosine = number(server.get("least_cosine"))
    return cosine is not None and cosine >= _FAITHFUL


def _resident(result: Comparison) -> float | None:
    """Return the most that our server held after any measurement."""
    values = [row.get(OURS, {}).get("resident_mb") for row in result.figures.values()]
    return max((value for value in values if value is not None), default=None)

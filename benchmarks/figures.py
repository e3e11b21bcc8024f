"""From raw samples to the numbers that are reported. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Samples:
    """What a load generator or a ceiling saw of one stream of calls.

    Attributes:
        seconds: From the first call to the last answer.
        items: Texts, pairs or passages that were answered.
        tokens: Their tokens as sent, special tokens included.
        latencies: Seconds of each answered call; in an open loop from the moment it was due.
        errors: Calls that were not answered rightly, by what happened to them.
    """

    seconds: float
    items: int
    tokens: int
    latencies: list[float]
    errors: dict[str, int] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """Calls that were not answered rightly."""
        return sum(self.errors.values())


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the least value that at least this share of the values does not exceed.

    Args:
        values: In any order; none gives None.
        share: 0 to 1.
    """
    if not values:
        return None
    return float(np.quantile(values, share, method="inverted_cdf"))


def summarise(samples: Samples) -> dict[str, Any]:
    """Return rates a second, and latencies in milliseconds."""
    seconds = max(samples.seconds, 1e-9)
    return {
        "texts_per_s": samples.items / seconds,
        "tokens_per_s": samples.tokens / seconds,
        "calls": len(samples.latencies),
        "errors": samples.failed,
        "error_kinds": samples.errors,
        **{
            f"p{number}_ms": None if value is None else 1000 * value
            for number in (50, 95, 99)
            for value in [percentile(samples.latencies, number / 100)]
        },
    }


def medians(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the median of each number over repeated runs, errors summed, other values the last.

    The least and the greatest of each number stand beside it under `spread`.
    """
    result: dict[str, Any] = dict(runs[-1])
    spread = {}
    for key in result:
        values = [run[key] for run in runs if is_number(run.get(key))]
        if not values:
            continue
        result[key] = sum(values) if key == "errors" else median(values)
        spread[key] = (min(values), max(values))
    return {**result, "spread": spread, "runs": len(runs)}


def is_number(value: object) -> bool:
    """Whether a figure can be averaged."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def as_json(samples: Samples) -> dict[str, Any]:
    """Return the samples as JSON holds them; `Samples(**...)` reads them."""
    return asdict(samples)

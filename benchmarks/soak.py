"""Memory over a long run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from statistics import median
from typing import Any

from benchmarks.calls import Call, Contract, render
from benchmarks.figures import Samples, summarise
from benchmarks.load import Plan, Stream, offer
from benchmarks.server import Server
from benchmarks.usage import read_usage

_SAMPLES = 200
_LEAST_INTERVAL = 1.0
# Memory rises while caches and the allocator's arenas fill, which is no leak.
_WARMING_SHARE = 0.2


def soak(
    server: Server,
    contract: Contract,
    calls: Sequence[Call],
    minutes: float,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Offer the calls for so many minutes, and watch the server's memory.

    Raises:
        ValueError: The server is not ours to watch.
    """
    if server.pid is None:
        raise ValueError("only a server that the benchmark starts can be soaked")
    requests = [each for call in calls if (each := render(call, contract)) is not None]
    plan = Plan(server.url, [Stream("soak", requests, 60 * minutes, clients=8)])
    interval = max(_LEAST_INTERVAL, 60 * minutes / _SAMPLES)
    say(f"soak: {minutes:g} minutes")
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(offer, plan)
        memory = _watch(server.pid, work, interval)
    return {
        "minutes": minutes,
        "memory": memory,
        "growth": grown([resident for _, resident in memory]),
        **summarise(work.result()["soak"]),
    }


def grown(resident: Sequence[float]) -> float | None:
    """Return the share by which memory grew after warming: last fifth against second fifth."""
    if len(resident) < 10:
        return None
    start = int(len(resident) * _WARMING_SHARE)
    fifth = max(1, len(resident) // 5)
    return median(resident[-fifth:]) / median(resident[start : start + fifth]) - 1


def _watch(
    pid: int, work: Future[dict[str, Samples]], interval: float
) -> list[tuple[float, float]]:
    """Return pairs of seconds and resident MiB until the work is done."""
    started = time.perf_counter()
    memory = []
    while not work.done():
        memory.append((time.perf_counter() - started, read_usage(pid).resident_mb))
        time.sleep(interval)
    return memory

"""One measurement: load offered to one running server, and what it cost that server."""

from __future__ import annotations

import re
import urllib.request
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from benchmarks.calls import Call, Contract, render
from benchmarks.figures import summarise
from benchmarks.load import Plan, Stream, offer
from benchmarks.server import Server
from benchmarks.usage import Usage, read_usage

Totals = defaultdict[str, float]

_SAMPLE = re.compile(r"^(litotes_\w+?)(?:\{.*\})? (\S+)$")


@dataclass(frozen=True)
class Offer:
    """How calls of one workload are offered; `Stream` explains the modes.

    Attributes:
        workload: Which calls.
        mode: `closed` or `open`.
        clients: Of a closed stream.
        rate: Calls a second of an open stream.
    """

    workload: str
    mode: Literal["closed", "open"] = "closed"
    clients: int = 1
    rate: float = 1.0


def measure(
    server: Server,
    contract: Contract,
    offers: Sequence[Offer],
    calls: Mapping[str, Sequence[Call]],
    seconds: float,
) -> dict[str, dict[str, Any]] | None:
    """Offer load, and return the figures of each stream by its workload.

    Args:
        server: Where.
        contract: How it is spoken to.
        offers: What is offered at the same time.
        calls: The calls of each workload.
        seconds: How long new calls are made.

    Returns:
        None where the contract has no such calls, or the server answers 424: not with this model.
    """
    streams = []
    for each in offers:
        requests = [render(call, contract) for call in calls[each.workload]]
        known = [request for request in requests if request is not None]
        if not known:
            return None
        streams.append(
            Stream(each.workload, known, seconds, each.mode, each.clients, rate=each.rate)
        )
    before, counted = _usage(server), scrape(server.url, contract)
    seen = offer(Plan(server.url, streams))
    after = _usage(server)
    if any(not samples.items and set(samples.errors) == {"424"} for samples in seen.values()):
        return None
    shared = {
        **_batches(counted, scrape(server.url, contract)),
        **_cost(before, after, sum(samples.items for samples in seen.values())),
    }
    return {name: {**summarise(samples), **shared} for name, samples in seen.items()}


def scrape(url: str, contract: Contract) -> Totals:
    """Add up Litotes' own series over their labels; nothing for other servers."""
    totals: Totals = defaultdict(float)
    if contract != "litotes":
        return totals
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as response:
        for line in response.read().decode().splitlines():
            if found := _SAMPLE.match(line):
                totals[found[1]] += float(found[2])
    return totals


def _usage(server: Server) -> Usage | None:
    return None if server.pid is None else read_usage(server.pid)


def _batches(before: Totals, after: Totals) -> dict[str, float]:
    """What Litotes' batches were like between two scrapes."""

    def gained(name: str) -> float:
        return after[name] - before[name]

    batches, gaps = gained("litotes_batch_size_count"), gained("litotes_batch_gap_seconds_count")
    if not batches:
        return {}
    tokens, padding = gained("litotes_tokens_total"), gained("litotes_padding_tokens_total")
    return {
        "padding_ratio": padding / max(tokens + padding, 1),
        "mean_batch_texts": gained("litotes_batch_size_sum") / batches,
        "mean_batch_tokens": tokens / batches,
        "mean_batch_ms": 1000 * gained("litotes_batch_duration_seconds_sum") / batches,
        "engine_busy_s": gained("litotes_batch_duration_seconds_sum"),
        "mean_gap_ms": 1000 * gained("litotes_batch_gap_seconds_sum") / max(gaps, 1),
    }


def _cost(before: Usage | None, after: Usage | None, items: int) -> dict[str, float]:
    if before is None or after is None:
        return {}
    cpu = after.cpu_seconds - before.cpu_seconds
    cost = {"cpu_s": cpu, "resident_mb": after.resident_mb, "peak_mb": after.peak_mb}
    return {**cost, "cpu_s_per_1000_texts": 1000 * cpu / items} if items else cost

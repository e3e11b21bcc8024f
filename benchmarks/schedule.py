"""What the choice of batches is worth, on a clock that the machine's load does not move.

`python -m benchmarks.schedule` puts calls of `workloads.py` through the service's queue, where a
forward pass takes the time of its tokens, padding included, and of a fixed cost. The same code
gives the same figures anywhere: nothing is run but the queue.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import count, cycle
from statistics import fmean
from typing import Any

from benchmarks.calls import Call
from benchmarks.environments import export_base
from benchmarks.figures import percentile
from benchmarks.report import render_figures
from benchmarks.server import ROOT
from benchmarks.workloads import Drawing, Lengths, read_material
from service.batch_shape import BatchLimits
from service.packing import Queue
from service.request import Request

# About what two cores do in float32; all times but the queries' interval are in proportion to it.
TOKENS_PER_MS = 20.0
_MINUTE = 60_000.0  # in milliseconds
_TOKENS = {"short": 10_000, "ingestion": 250_000, "mixed": 150_000}
_COLUMNS = (
    ("tokens_per_ms", "tokens/ms", "{:.2f}"),
    ("padding", "padding", "{:.1%}"),
    ("mean_pass_ms", "mean pass ms", "{:.1f}"),
    ("p50_ms", "p50 of a query, ms", "{:.1f}"),
    ("p99_ms", "p99 of a query, ms", "{:.1f}"),
    ("p99_passes", "in passes", "{:.2f}"),
)

Calls = Sequence[Sequence[int]]  # tokens of each text, by call


@dataclass(frozen=True)
class Load:
    """Calls that come at the same time.

    Attributes:
        closed: Calls of clients that wait for their answer before they ask again.
        clients: How many of these there are.
        queries: Calls that come at a constant interval.
        interval: Milliseconds between them.
    """

    closed: Calls
    clients: int
    queries: Calls = ((1,),)
    interval: float = float("inf")


class Simulation:
    """A load on its way through the queue.

    Args:
        load: What comes.
        limits: How batches are made.
        pass_cost: Fixed cost of a forward pass, in tokens.
    """

    def __init__(self, load: Load, limits: BatchLimits, *, pass_cost: int) -> None:
        self._queue: Queue[range] = Queue(limits)
        self._supply = cycle(load.closed)
        self._queries = _arrivals(load)
        self._next_query = next(self._queries)
        self._pass_cost = pass_cost
        self._missing: dict[Request[range], int] = {}
        self._come: dict[Request[range], float] = {}
        self._open: set[Request[range]] = set()
        self._now = 0.0
        self._tokens = self._padding = 0
        self._passes: list[float] = []
        self._waits: list[float] = []  # of single texts
        for _ in range(load.clients):
            self._add(next(self._supply), 0.0)

    def run(self, milliseconds: float) -> dict[str, Any]:
        """Begin passes for so long, and return what was seen."""
        while self._now < milliseconds:
            while self._next_query[0] <= self._now:
                self._open.add(self._add(self._next_query[1], self._next_query[0]))
                self._next_query = next(self._queries)
            self._run_pass()
        mean, late = fmean(self._passes), percentile(self._waits, 0.99)
        return {
            "tokens_per_ms": self._tokens / self._now,
            "padding": self._padding / (self._tokens + self._padding),
            "mean_pass_ms": mean,
            "p50_ms": percentile(self._waits, 0.5),
            "p99_ms": late,
            "p99_passes": None if late is None else late / mean,
        }

    def _add(self, lengths: Sequence[int], when: float) -> Request[range]:
        future: Any = Future()  # no loop runs here, and nothing is settled
        request = Request([range(length) for length in lengths], future, admitted=when)
        self._missing[request] = len(lengths)
        self._come[request] = when
        self._queue.add(request)
        return request

    def _run_pass(self) -> None:
        batch = self._queue.next_batch()
        real = sum(entry.length for entry in batch)
        padded = max(entry.length for entry in batch) * len(batch)
        self._tokens += real
        self._padding += padded - real
        self._passes.append((self._pass_cost + padded) / TOKENS_PER_MS)
        self._now += self._passes[-1]
        for entry in batch:
            self._missing[entry.request] -= 1
            if not self._missing[entry.request]:
                self._answer(entry.request)

    def _answer(self, request: Request[range]) -> None:
        del self._missing[request]
        waited = self._now - self._come.pop(request)
        if len(request.entries) == 1:
            self._waits.append(waited)
        if request in self._open:
            self._open.remove(request)
        else:
            self._add(next(self._supply), self._now)


def _arrivals(load: Load) -> Iterator[tuple[float, Sequence[int]]]:
    """Yield when each query comes, and its lengths."""
    for number, lengths in zip(count(1), cycle(load.queries), strict=False):
        yield number * load.interval, lengths


def make_loads(drawing: Drawing, lengths: Lengths) -> dict[str, Load]:
    """Draw the loads that are simulated."""

    def drawn(workload: str) -> Calls:
        calls: list[Call] = drawing.calls(workload, _TOKENS[workload])
        return [lengths.count(call.texts) for call in calls]

    queries, lists = drawn("short"), drawn("ingestion")
    # Intervals that are no multiple of anything: queries come in every phase of a pass.
    return {
        "ingestion": Load(lists, 4),
        "interference": Load(lists, 2, queries, interval=197.3),
        "interference, 52 queries a second": Load(lists, 2, queries, interval=19.3),
        "mixed": Load(drawn("mixed"), 8),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate all loads, and print what was seen.

    Args:
        arguments: The command line without the program's name; None takes the process's own.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.schedule", description=__doc__)
    add = parser.add_argument
    add("--max-batch-tokens", type=int, default=1024, help="of a batch (default: 1024)")
    add("--padding-allowance", type=int, default=32, help="of a batch, in tokens (default: 32)")
    add("--pass-cost", type=int, default=32, help="of a forward pass, in tokens (default: 32)")
    given = parser.parse_args(arguments)
    model = export_base(ROOT / "runs" / "bench" / "model")
    lengths = Lengths(model / "tokenizer.json")
    limits = BatchLimits(
        max_batch_tokens=given.max_batch_tokens,
        max_batch_size=512,
        max_queue_tokens=1 << 20,
        padding_allowance=given.padding_allowance,
    )
    loads = make_loads(Drawing(read_material(), lengths, seed=0), lengths)
    seen = {
        name: Simulation(load, limits, pass_cost=given.pass_cost).run(_MINUTE)
        for name, load in loads.items()
    }
    print(render_figures(seen, _COLUMNS, first="load"))


if __name__ == "__main__":
    main()

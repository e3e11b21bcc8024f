"""The load generator, in a process of its own: `python -m benchmarks.load < plan.json`.

It reads a plan, offers its streams at the same time, and writes what it saw of each as JSON.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import cycle
from typing import Literal

import orjson

from benchmarks.calls import Rendered, count_results
from benchmarks.connection import Address, Connection
from benchmarks.figures import Samples, as_json
from benchmarks.server import ROOT

MAX_SECONDS = 7200.0
MAX_IN_FLIGHT = 1024
# Beyond the end of a stream: how long an answer is waited for.
PATIENCE = 120.0


@dataclass(frozen=True)
class Stream:
    """Requests that are offered in one way.

    Attributes:
        name: What it is called.
        requests: Sent in order, again from the start when they are through.
        seconds: After so many, nothing more is sent; what is under way is waited for.
        mode: `closed`: each of some clients waits for its answer before it asks again; `open`:
            requests arrive at a constant rate, whether or not the earlier ones are answered.
        clients: Of a closed stream.
        rate: Requests a second of an open stream.
    """

    name: str
    requests: Sequence[Rendered]
    seconds: float
    mode: Literal["closed", "open"] = "closed"
    clients: int = 1
    rate: float = 1.0


@dataclass(frozen=True)
class Plan:
    """Streams to offer to one server at the same time."""

    url: str
    streams: Sequence[Stream]


def offer(plan: Plan) -> dict[str, Samples]:
    """Offer a plan from another process, and return what it saw, by stream.

    Raises:
        RuntimeError: The generator failed.
    """
    longest = max(stream.seconds for stream in plan.streams)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=orjson.dumps(asdict(plan)),
        capture_output=True,
        cwd=ROOT,
        timeout=longest + 2 * PATIENCE,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the load generator failed: {done.stderr.decode()[-500:]}")
    return {name: Samples(**seen) for name, seen in orjson.loads(done.stdout).items()}


class _Recorder:
    """Collects what becomes of the requests of one stream."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.errors: Counter[str] = Counter()
        self.items = self.tokens = 0
        self.started = self.ended = time.perf_counter()
        self._counted: set[int] = set()

    async def send(
        self, connection: Connection, request: Rendered, payload: bytes, due: float
    ) -> None:
        """Send one request that was due at this moment, and note what comes of it."""
        try:
            async with asyncio.timeout(PATIENCE):
                status, body = await connection.send(payload)
        except (OSError, EOFError, ValueError) as error:
            self.errors[type(error).__name__] += 1
            return
        now = time.perf_counter()
        if status != 200:
            self.errors[str(status)] += 1
        elif not self._holds_all(request, body):
            self.errors["wrong answer"] += 1
        else:
            self.latencies.append(now - due)
            self.items += request.items
            self.tokens += request.tokens
        self.ended = max(self.ended, now)

    def _holds_all(self, request: Rendered, body: bytes) -> bool:
        """Look into the first answer to each request only: reading them costs the generator."""
        if id(request) in self._counted:
            return True
        self._counted.add(id(request))
        with suppress(ValueError):
            return count_results(request.contract, body) == request.items
        return False

    def samples(self) -> Samples:
        """Return what was collected."""
        return Samples(
            self.ended - self.started, self.items, self.tokens, self.latencies, dict(self.errors)
        )


async def run_stream(stream: Stream, address: Address) -> Samples:
    """Offer one stream."""
    payloads = [(each, address.post(each.path, each.body.encode())) for each in stream.requests]
    recorder = _Recorder()
    offering = _offer_closed if stream.mode == "closed" else _offer_open
    await offering(stream, address, payloads, recorder)
    return recorder.samples()


async def _offer_closed(
    stream: Stream,
    address: Address,
    payloads: Sequence[tuple[Rendered, bytes]],
    recorder: _Recorder,
) -> None:
    supply = cycle(payloads)
    stop = recorder.started + min(stream.seconds, MAX_SECONDS)

    async def client() -> None:
        connection = Connection(address)
        while (now := time.perf_counter()) < stop:
            request, payload = next(supply)
            failed = recorder.errors.total()
            await recorder.send(connection, request, payload, now)
            if recorder.errors.total() > failed:
                await asyncio.sleep(0.01)  # a server that refuses is not to be hammered
        await connection.aclose()

    await asyncio.gather(*(client() for _ in range(min(stream.clients, MAX_IN_FLIGHT))))


async def _offer_open(
    stream: Stream,
    address: Address,
    payloads: Sequence[tuple[Rendered, bytes]],
    recorder: _Recorder,
) -> None:
    idle: list[Connection] = []
    under_way: set[asyncio.Task[None]] = set()

    async def one(request: Rendered, payload: bytes, due: float) -> None:
        connection = idle.pop() if idle else Connection(address)
        await recorder.send(connection, request, payload, due)
        idle.append(connection)

    count = int(min(stream.seconds, MAX_SECONDS) * stream.rate)
    for number, (request, payload) in zip(range(count), cycle(payloads), strict=False):
        due = recorder.started + number / stream.rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        if len(under_way) >= MAX_IN_FLIGHT:
            recorder.errors["too many under way"] += 1
            continue
        task = asyncio.create_task(one(request, payload, due))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    await asyncio.gather(*under_way)
    for connection in idle:
        await connection.aclose()


async def run_plan(plan: Plan) -> dict[str, Samples]:
    """Offer all streams of a plan at the same time."""
    address = Address.parse(plan.url)
    seen = await asyncio.gather(*(run_stream(stream, address) for stream in plan.streams))
    return {stream.name: samples for stream, samples in zip(plan.streams, seen, strict=True)}


def read_plan(content: bytes) -> Plan:
    """Read a plan that was written with `dataclasses.asdict`."""
    plan = orjson.loads(content)
    streams = [
        Stream(**{**stream, "requests": [Rendered(**each) for each in stream["requests"]]})
        for stream in plan["streams"]
    ]
    return Plan(plan["url"], streams)


def main() -> None:
    """Read a plan from standard input, offer it, and write what was seen."""
    seen = asyncio.run(run_plan(read_plan(sys.stdin.buffer.read())))
    sys.stdout.buffer.write(orjson.dumps({name: as_json(each) for name, each in seen.items()}))


if __name__ == "__main__":
    main()

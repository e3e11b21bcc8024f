"""Tries to break a running Litotes: `python -m benchmarks.faults --help`."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.connection import Address, Connection
from benchmarks.server import ROOT, free_port, litotes, litotes_command, running
from benchmarks.usage import read_usage

EXAMPLES = """
examples:
  python -m benchmarks.faults                      all of them, some ten minutes
  python -m benchmarks.faults overload --seconds 5
  python -m benchmarks.faults --document docs/reliability.md --json faults.json
"""
START, END = "<!-- figures of benchmarks.faults -->\n", "<!-- end of figures -->\n"

# Short sentences of which requests are made; each request has its own mixture.
WORDS = "the pump valve report bridge clinic does did not never opened closed failed passed today"
CLIENTS = 16
PATIENCE = 300.0  # seconds after which an answer is given up: the service's own default deadline
TOLERANCE = 1e-3  # of a number of a unit vector; a text's batch may move the last digits


@dataclass
class Finding:
    """What one attempt showed.

    Attributes:
        tried: What was done.
        held: Whether the promise was kept.
        figures: The numbers behind that.
    """

    tried: str
    held: bool
    figures: dict[str, float | int]


@dataclass(frozen=True)
class Question:
    """A request, and the right answer to it once that is known."""

    payload: bytes
    vectors: NDArray[np.float32] | None = None


@dataclass
class Tally:
    """What became of requests."""

    ends: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        """Answers that were neither right nor a refusal with a time to come back."""
        return sum(n for end, n in self.ends.items() if end not in ("right", "429"))


def make_questions(address: Address, count: int, texts: int, seed: int = 0) -> list[Question]:
    """Draw different requests of so many texts each."""
    chance, words = np.random.default_rng(seed), WORDS.split()
    questions = []
    for _ in range(count):
        inputs = [" ".join(chance.choice(words, chance.integers(4, 24))) for _ in range(texts)]
        body = json.dumps({"inputs": inputs}).encode()
        head, _, rest = address.post("/embed", body).partition(b"\r\n")
        accepting = head + b"\r\naccept: application/octet-stream\r\n" + rest
        questions.append(Question(accepting))
    return questions


async def answer_all(address: Address, questions: Sequence[Question]) -> list[Question]:
    """Ask each question alone, and keep the answers to compare with.

    Raises:
        RuntimeError: One was not answered.
    """
    connection, known = Connection(address), []
    for question in questions:
        status, body = await connection.send(question.payload)
        if status != 200:
            raise RuntimeError(f"the server answers {status} when it is asked alone")
        known.append(Question(question.payload, np.frombuffer(body, dtype="<f4")))
    connection.close()
    return known


async def ask(connection: Connection, question: Question, tally: Tally) -> str:
    """Ask one question, and tell what its end was: `right`, `wrong`, a status or an error."""
    started = time.perf_counter()
    try:
        async with asyncio.timeout(PATIENCE):
            status, body = await connection.send(question.payload)
    except (OSError, EOFError, ValueError, TimeoutError) as error:
        end = type(error).__name__
    else:
        end = _judge(question, status, body)
    if end == "right":
        tally.latencies.append(time.perf_counter() - started)
    tally.ends[end] += 1
    return end


def _judge(question: Question, status: int, body: bytes) -> str:
    if status != 200:
        return str(status)
    vectors = np.frombuffer(body, dtype="<f4")
    known = question.vectors
    if known is None or vectors.shape != known.shape:
        return "wrong"
    return "right" if np.allclose(vectors, known, atol=TOLERANCE) else "wrong"


async def closed_loop(
    address: Address, questions: Sequence[Question], seconds: float, clients: int = CLIENTS
) -> Tally:
    """Let so many clients ask one question after the other."""
    tally, stop = Tally(), time.perf_counter() + seconds

    async def client(number: int) -> None:
        connection = Connection(address)
        while time.perf_counter() < stop:
            if await ask(connection, questions[number % len(questions)], tally) != "right":
                await asyncio.sleep(0.02)
            number += clients
        connection.close()

    await asyncio.gather(*map(client, range(clients)))
    return tally


async def open_loop(
    address: Address, questions: Sequence[Question], rate: float, seconds: float
) -> Tally:
    """Ask at a constant rate, whatever becomes of the earlier questions."""
    tally, idle, started = Tally(), list[Connection](), time.perf_counter()

    async def one(question: Question) -> None:
        connection = idle.pop() if idle else Connection(address)
        await ask(connection, question, tally)
        idle.append(connection)

    async with asyncio.TaskGroup() as group:
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, started + number / rate - time.perf_counter()))
            group.create_task(one(questions[number % len(questions)]))
    for connection in idle:
        connection.close()
    return tally


async def overload(arguments: argparse.Namespace, logs: Path) -> Finding:
    """Offer five times what the service can do, and see how soon it is itself again."""
    options = ("--max-queue-tokens", "8192")
    with litotes(arguments.model, options=options, log=logs / "overload.log") as server:
        address, seconds = Address.parse(server.url), arguments.seconds
        questions = await answer_all(address, make_questions(address, 64, texts=8))
        calm = await closed_loop(address, questions, max(2.0, seconds / 3))
        capacity = calm.ends["right"] / max(2.0, seconds / 3)
        stormy = await open_loop(address, questions, 5 * capacity, seconds)
        await asyncio.sleep(2)
        after = await closed_loop(address, questions, max(2.0, seconds / 3))
        recovered = after.ends["right"] / max(2.0, seconds / 3) / capacity
    wrong = calm.wrong + stormy.wrong + after.wrong
    figures = {
        "capacity, requests/s": round(capacity, 1),
        "offered/s": round(5 * capacity, 1),
        "right": stormy.ends["right"],
        "429": stormy.ends["429"],
        "anything else": wrong,
        "speed 2 s later, of before": round(recovered, 2),
    }
    tried = f"5 times its capacity for {seconds:g} s, in an open loop"
    return Finding(tried, wrong == 0 and stormy.ends["429"] > 0 and recovered > 0.8, figures)


async def connections(arguments: argparse.Namespace, logs: Path) -> Finding:
    """Open many connections, and let all of them ask at the same moment."""
    with litotes(arguments.model, log=logs / "connections.log") as server:
        address, count = Address.parse(server.url), arguments.connections
        questions = await answer_all(address, make_questions(address, 50, texts=1))
        open_ones = [Connection(address) for _ in range(count)]
        tally = Tally()
        warm = (ask(each, questions[0], Tally()) for each in open_ones[:1])
        await asyncio.gather(*warm)
        started = time.perf_counter()
        asking = (ask(each, questions[n % 50], tally) for n, each in enumerate(open_ones))
        await asyncio.gather(*asking)
        taken = time.perf_counter() - started
        for each in open_ones:
            each.close()
    figures = {
        "right": tally.ends["right"],
        "anything else": count - tally.ends["right"],
        "all answered after, s": round(taken, 2),
        "longest, s": round(max(tally.latencies, default=0.0), 2),
    }
    return Finding(f"{count} connections at once", tally.ends["right"] == count, figures)


async def memory(arguments: argparse.Namespace, logs: Path) -> Finding:
    """Send many requests, and compare memory after a tenth of them with memory at the end."""
    with litotes(arguments.model, log=logs / "memory.log") as server:
        address, count = Address.parse(server.url), arguments.requests
        assert server.pid is not None
        questions = await answer_all(address, make_questions(address, 500, texts=1))
        tally = Tally()
        await _send(address, questions, count // 10, tally)
        early = read_usage(server.pid).resident_mb
        await _send(address, questions, count - count // 10, tally)
        late = read_usage(server.pid).resident_mb
    growth = late / early - 1
    figures = {
        "right": tally.ends["right"],
        "anything else": count - tally.ends["right"],
        "resident after a tenth, MiB": round(early),
        "resident at the end, MiB": round(late),
        "growth, %": round(100 * growth, 1),
    }
    held = growth < 0.05 and tally.ends["right"] == count
    return Finding(f"{count} requests, growth of memory", held, figures)


async def _send(address: Address, questions: Sequence[Question], count: int, tally: Tally) -> None:
    numbers = iter(range(count))

    async def client() -> None:
        connection = Connection(address)
        for number in numbers:
            await ask(connection, questions[number % len(questions)], tally)
        connection.close()

    await asyncio.gather(*(client() for _ in range(CLIENTS)))


async def restarts(arguments: argparse.Namespace, logs: Path) -> Finding:
    """Kill the process again and again behind clients that retry, as a load balancer would."""
    port = free_port()
    command = litotes_command(arguments.model, None, port)
    stop, tally, outages = asyncio.Event(), Tally(), list[float]()

    async def client(address: Address, questions: Sequence[Question]) -> None:
        connection, number = Connection(address), 0
        while not stop.is_set():
            failing_since: float | None = None
            while await ask(connection, questions[number % len(questions)], tally) != "right":
                failing_since = failing_since or time.perf_counter()
                await asyncio.sleep(0.05)
            if failing_since is not None:
                outages.append(time.perf_counter() - failing_since)
            number += 1
        connection.close()

    asking: list[asyncio.Task[None]] = []
    for life in range(arguments.kills + 1):
        serving = running(command, port, ready_path="/health/ready", log=logs / f"life-{life}.log")
        # In a thread, so that the clients go on meanwhile.
        server = await asyncio.to_thread(serving.__enter__)
        assert server.pid is not None
        if not asking:
            address = Address.parse(server.url)
            questions = await answer_all(address, make_questions(address, 50, texts=4))
            asking = [asyncio.create_task(client(address, questions)) for _ in range(8)]
        answered, patient_until = tally.ends["right"], time.perf_counter() + PATIENCE
        while tally.ends["right"] < answered + 50 and time.perf_counter() < patient_until:
            await asyncio.sleep(0.1)
        if life < arguments.kills:
            os.kill(server.pid, signal.SIGKILL)
        else:
            stop.set()
            await asyncio.gather(*asking)
        await asyncio.to_thread(serving.__exit__, None, None, None)
    figures = {
        "right": tally.ends["right"],
        "answered wrongly": tally.ends["wrong"],
        "tried again": tally.ends.total() - tally.ends["right"],
        "longest outage, s": round(max(outages, default=0.0), 1),
    }
    tried = f"kill -9 and restart, {arguments.kills} times, behind clients that retry"
    return Finding(tried, tally.ends["wrong"] == 0 and tally.ends["right"] > 0, figures)


Attempt = Callable[[argparse.Namespace, Path], Coroutine[Any, Any, Finding]]
ATTEMPTS: dict[str, Attempt] = {
    "overload": overload,
    "connections": connections,
    "restarts": restarts,
    "memory": memory,
}


def as_table(findings: Sequence[Finding]) -> str:
    """Write the findings as a table in Markdown."""
    lines = ["| tried | held | figures |", "|---|---|---|"]
    for finding in findings:
        figures = "; ".join(f"{name}: {value}" for name, value in finding.figures.items())
        lines.append(f"| {finding.tried} | {'yes' if finding.held else '**no**'} | {figures} |")
    return "\n".join(lines) + "\n"


def put_into(document: str, table: str) -> str:
    """Replace what stands between the marks.

    Raises:
        ValueError: The document does not have them.
    """
    before, mark, rest = document.partition(START)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"there is no {START.strip()} ... {END.strip()}")
    return f"{before}{START}{table}{END}{after}"


def read_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.faults",
        description="Try to break a Litotes of one's own, on the loopback interface.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "attempts", nargs="*", metavar="attempt", help=f"some of {', '.join(ATTEMPTS)}"
    )
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "litotes-small")
    parser.add_argument("--seconds", type=float, default=30.0, help="of the overload")
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--requests", type=int, default=100_000, help="for the growth of memory")
    parser.add_argument("--document", type=Path, help="file whose table of figures to renew")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    read = parser.parse_args(arguments)
    if unknown := set(read.attempts) - ATTEMPTS.keys():
        parser.error(f"no such attempt: {', '.join(sorted(unknown))}")
    return read


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the attempts, and return 1 if something did not hold."""
    read = read_arguments(arguments)
    findings: list[Finding] = []
    with tempfile.TemporaryDirectory(prefix="litotes-faults-") as logs:
        for name in read.attempts or ATTEMPTS:
            print(f"{name} ...", file=sys.stderr, flush=True)
            findings.append(asyncio.run(ATTEMPTS[name](read, Path(logs))))
    table = as_table(findings)
    print(table, end="")
    if read.json is not None:
        read.json.write_text(json.dumps([asdict(each) for each in findings], indent=2) + "\n")
    if read.document is not None:
        read.document.write_text(put_into(read.document.read_text(), table))
    return 0 if all(finding.held for finding in findings) else 1


if __name__ == "__main__":
    sys.exit(main())

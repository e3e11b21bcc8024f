"""What there is to reach: `python -m benchmarks.ceilings KIND < task.json`.

`engine` runs texts that are tokenised already, in batches of like length that are as full as the
service's may be; `lone` runs one text after the other; `tokenizer` only tokenises; `vectors` gives
the engine's own vectors, to compare others with. Each runs in a process of its own.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import orjson

from benchmarks.figures import Samples, as_json
from benchmarks.server import ROOT
from benchmarks.usage import read_usage
from service.backend import OnnxBackend, open_backend
from service.cpu import usable_cpus
from service.encoding import Encoding
from service.model_folder import read_encoder
from service.tokenization import Tokenizer
from service.vectors import normalize

Ceiling = Literal["engine", "lone", "tokenizer"]


@dataclass(frozen=True)
class Task:
    """What to run, and for how long.

    Attributes:
        model: The encoder's folder.
        texts: The texts.
        seconds: After so many, no batch is begun.
        max_batch_tokens: Tokens of a batch, padding included.
    """

    model: str
    texts: Sequence[str]
    seconds: float
    max_batch_tokens: int


@dataclass(frozen=True)
class Reached:
    """What a ceiling reached.

    Attributes:
        samples: Its batches, as if each were a call.
        cpu_seconds: Processor time while it was measured.
        peak_mb: Peak memory of its process.
    """

    samples: Samples
    cpu_seconds: float
    peak_mb: float


def reach(ceiling: Ceiling, task: Task) -> Reached:
    """Measure a ceiling in another process.

    Raises:
        RuntimeError: It failed.
    """
    seen = _run(ceiling, task)
    return Reached(Samples(**seen["samples"]), seen["cpu_seconds"], seen["peak_mb"])


def reference_vectors(model: Path, texts: Sequence[str]) -> list[list[float]]:
    """Return the engine's own unit vectors on the CPU, computed in another process.

    Raises:
        RuntimeError: It failed.
    """
    vectors: list[list[float]] = _run("vectors", Task(str(model), texts, 0, 1))
    return vectors


def pack(lengths: Sequence[int], max_batch_tokens: int) -> list[list[int]]:
    """Put texts of like length together, up to the budget.

    Args:
        lengths: Tokens of each text.
        max_batch_tokens: Tokens of a batch, padding included; a longer text has one of its own.

    Returns:
        The positions of each batch's texts.
    """
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        # In ascending order each newcomer is the longest of its batch, and sets its width.
        if not batches or lengths[index] * (len(batches[-1]) + 1) > max_batch_tokens:
            batches.append([])
        batches[-1].append(index)
    return batches


def _run(kind: str, task: Task) -> Any:  # noqa: ANN401 - JSON
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.ceilings", kind],
        input=orjson.dumps(asdict(task)),
        capture_output=True,
        cwd=ROOT,
        timeout=task.seconds + 300,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the ceiling {kind} failed: {done.stderr.decode()[-500:]}")
    return orjson.loads(done.stdout)


class _Engine:
    """The service's own tokenizer and session, without the service."""

    def __init__(self, task: Task) -> None:
        spec = read_encoder(Path(task.model), "model", None)
        tokenizer = Tokenizer(spec.tokenizer, max_input_tokens=spec.max_input_tokens, workers=1)
        self.encodings: list[Encoding] = asyncio.run(tokenizer.encode(task.texts, truncate=True))
        tokenizer.close()
        self.backend: OnnxBackend = open_backend(
            spec, device="auto", pooling=spec.pooling, intra_op_num_threads=0
        )

    def packed(self, max_batch_tokens: int) -> list[list[Encoding]]:
        """Return full batches in an order that does not go by length."""
        batches = pack([len(each) for each in self.encodings], max_batch_tokens)
        random.Random(0).shuffle(batches)
        return [[self.encodings[index] for index in batch] for batch in batches]


def _timed(
    batches: Sequence[Sequence[Any]],
    run: Callable[[Sequence[Any]], object],
    tokens: Callable[[Sequence[Any]], int],
    seconds: float,
) -> dict[str, Any]:
    """Run batches in turn, again from the start when they are through, until time is up."""
    for batch in batches[:2]:
        run(batch)
    latencies: list[float] = []
    items = total = 0
    before, started = time.process_time(), time.perf_counter()
    now = started
    for batch in _around(batches):
        run(batch)
        begun, now = now, time.perf_counter()
        latencies.append(now - begun)
        items += len(batch)
        total += tokens(batch)
        if now - started >= seconds:
            break
    samples = Samples(now - started, items, total, latencies)
    return {
        "samples": as_json(samples),
        "cpu_seconds": time.process_time() - before,
        "peak_mb": read_usage(os.getpid()).peak_mb,
    }


def _around(batches: Sequence[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    while True:
        yield from batches


def _measure_engine(task: Task, *, lone: bool) -> dict[str, Any]:
    engine = _Engine(task)
    batches = (
        [[encoding] for encoding in engine.encodings]
        if lone
        else engine.packed(task.max_batch_tokens)
    )
    return _timed(batches, engine.backend.run, lambda batch: sum(map(len, batch)), task.seconds)


def _measure_tokenizer(task: Task) -> dict[str, Any]:
    # The library's own threads: nothing tokenises faster.
    os.environ.update(TOKENIZERS_PARALLELISM="true", RAYON_NUM_THREADS=str(usable_cpus()))
    import tokenizers  # noqa: PLC0415 - it reads the environment

    tokenizer = tokenizers.Tokenizer.from_file(str(Path(task.model) / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    counted: list[int] = []

    def run(texts: Sequence[str]) -> None:
        counted[:] = [len(each.ids) for each in tokenizer.encode_batch_fast(list(texts))]

    chunks = [task.texts[start : start + 64] for start in range(0, len(task.texts), 64)]
    return _timed(chunks, run, lambda _: sum(counted), task.seconds)


def _vectors(task: Task) -> list[list[float]]:
    engine = _Engine(task)
    vectors: list[list[float]] = [
        normalize(engine.backend.run([encoding]))[0].tolist() for encoding in engine.encodings
    ]
    return vectors


def main(kind: str) -> None:
    """Measure one ceiling of the task on standard input, and write what was seen as JSON."""
    task = Task(**orjson.loads(sys.stdin.buffer.read()))
    if kind == "vectors":
        seen: Any = _vectors(task)
    elif kind == "tokenizer":
        seen = _measure_tokenizer(task)
    elif kind in get_args(Ceiling):
        seen = _measure_engine(task, lone=kind == "lone")
    else:
        raise SystemExit(f"no ceiling is called {kind}")
    sys.stdout.buffer.write(orjson.dumps(seen))


if __name__ == "__main__":
    main(sys.argv[1])

"""One model ready to answer: its tokenizer, its session and the batcher before it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import numpy as np

from service.allocator import give_back
from service.backend import OnnxBackend, open_backend
from service.batch_shape import BatchLimits
from service.batching import Batcher
from service.caller import current_caller
from service.distinct import placed
from service.encoding import Encoding
from service.errors import EmptyInput, StartupError
from service.metrics import ModelMetrics
from service.model_spec import ModelSpec
from service.onnx_graph import CUDA
from service.pooling import Pooling
from service.request import BatchResults
from service.row_cache import Row, RowCache
from service.settings import Settings
from service.timing import Timing
from service.tokenization import Tokenizer
from service.vectors import Rows, find_unusable

logger = logging.getLogger(__name__)

# A text that any model answers.
_CANARY = "a"


class Engine:
    """What an encoder and a pair model have in common. Made by `open`.

    Attributes:
        tokenizer: Makes the encodings that `run` takes.
        provider: The ONNX Runtime execution provider that really runs.
        width: Numbers of a row.
        has_side_output: Whether rows end with the number of the side output.
        gives_token_vectors: Whether a forward pass gives the vectors of tokens too.
        max_batch_tokens: Tokens of one forward pass, padding included.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        backend: OnnxBackend,
        batcher: Batcher[Encoding],
        metrics: ModelMetrics,
        *,
        width: int,
        max_batch_tokens: int,
        request_timeout: float,
        cache: RowCache,
    ) -> None:
        self.tokenizer = tokenizer
        self.provider = backend.provider
        self.has_side_output = backend.has_side_output
        self.gives_token_vectors = backend.gives_token_vectors
        self.width = width
        self.max_batch_tokens = max_batch_tokens
        self._batcher = batcher
        self._metrics = metrics
        self._request_timeout = request_timeout
        self._cache = cache

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        spec: ModelSpec,
        settings: Settings,
        executor: Executor,
        metrics: ModelMetrics,
        *,
        pooling: Pooling | None,
        zeros_allowed: bool,
        side_output: str | None = None,
        cached_rows: int = 0,
    ) -> AsyncIterator[Engine]:
        """Load a model, warm it up and take encodings until the block ends, then drain.

        Args:
            spec: The model.
            settings: The limits.
            executor: The one thread that forward passes run on, shared with other models.
            metrics: Where to record.
            pooling: How to pool a graph that gives token vectors.
            zeros_allowed: Whether a row of zeros is an answer.
            side_output: An output of one number a text, to end each row with if the graph has it.
            cached_rows: Rows to keep for texts that come again.

        Raises:
            StartupError: The model cannot be loaded or run.
        """
        loop = asyncio.get_running_loop()
        # In the executor, so that the event loop answers probes while a model loads.
        tokenizer, backend = await loop.run_in_executor(
            executor, partial(_load, spec, settings, pooling, side_output)
        )
        try:
            limits = _limits(settings, backend)
            (canary,) = await tokenizer.encode([_CANARY], truncate=True)
            fault_finder = partial(find_unusable, zeros_allowed=zeros_allowed)
            width = await loop.run_in_executor(
                executor, _warm_up, spec, backend, limits, canary, fault_finder
            )
            async with Batcher(
                backend.run,
                executor=executor,
                limits=limits,
                shutdown_timeout=settings.shutdown_timeout,
                find_unusable=fault_finder,
                metrics=metrics,
                pass_timeout=settings.pass_timeout,
                canary=canary,
            ) as batcher:
                engine = cls(
                    tokenizer,
                    backend,
                    batcher,
                    metrics,
                    width=width,
                    max_batch_tokens=limits.max_batch_tokens,
                    request_timeout=settings.request_timeout,
                    cache=RowCache(cached_rows),
                )
                metrics.expose(provider=backend.provider, ready=lambda: engine.ready)
                yield engine
        finally:
            tokenizer.close()

    @property
    def ready(self) -> bool:
        """Whether encodings are being answered: the loop lives, and no pass is stuck or broken."""
        return self._batcher.ready

    async def run(
        self, encodings: Sequence[Encoding], *, tokenization: float, deadline: float | None
    ) -> BatchResults:
        """Run encodings, and record what they are.

        Args:
            encodings: At least one.
            tokenization: Seconds that it took to make them.
            deadline: When to give up, on the event loop's clock; None takes `request_timeout`.

        Raises:
            EmptyInput: There are no encodings.
            Overloaded: The queue is full.
            DeadlineExceeded: The deadline passed.
            InferenceFailed: The model failed on one of them; `index` says which.
            Unavailable: The service is stopping, or its batch loop has died.
        """
        if not encodings:
            raise EmptyInput("`inputs` cannot be empty")
        self._metrics.tokenized(
            [encoding.full_length for encoding in encodings],
            truncated=sum(encoding.truncated for encoding in encodings),
            seconds=tokenization,
        )
        if deadline is None:
            deadline = asyncio.get_running_loop().time() + self._request_timeout
        known = self._cache.find(encodings)
        if not known:
            return await self._submit(encodings, tokenization, deadline)
        self._metrics.cached(len(known))
        return await self._submit_others(encodings, known, tokenization, deadline)

    async def _submit(
        self, encodings: Sequence[Encoding], tokenization: float, deadline: float
    ) -> BatchResults:
        caller = current_caller()
        results = await self._batcher.submit(encodings, deadline=deadline, client=caller.client)
        timing = Timing(tokenization, results.queue_duration, results.inference_duration)
        caller.tracing.inference(self._metrics.model, len(encodings), timing)
        self._cache.keep(encodings, results.rows)
        return results

    async def _submit_others(
        self,
        encodings: Sequence[Encoding],
        known: Mapping[int, Row],
        tokenization: float,
        deadline: float,
    ) -> BatchResults:
        """Run what is not known, and put all rows in order."""
        others = [position for position in range(len(encodings)) if position not in known]
        rows = np.empty((len(encodings), self.width), dtype=np.float32)
        for position, row in known.items():
            rows[position] = row
        if not others:
            return BatchResults(rows, queue_duration=0.0, inference_duration=0.0)
        with placed(others):
            asked = [encodings[position] for position in others]
            results = await self._submit(asked, tokenization, deadline)
        rows[others] = results.rows
        return replace(results, rows=rows)


def _load(
    spec: ModelSpec, settings: Settings, pooling: Pooling | None, side_output: str | None
) -> tuple[Tokenizer, OnnxBackend]:
    backend = open_backend(
        spec,
        device=settings.device,
        pooling=pooling,
        intra_op_num_threads=settings.intra_op_num_threads,
        side_output=side_output,
    )
    tokenizer = Tokenizer(
        spec.tokenizer,
        max_input_tokens=spec.max_input_tokens,
        workers=settings.tokenization_workers,
    )
    give_back()  # before the warm-up, or its arena would lie between what is free
    return tokenizer, backend


def _limits(settings: Settings, backend: OnnxBackend) -> BatchLimits:
    """Return the limits, with what suits the device where the operator has not said.

    A CPU is at its best with some hundred tokens for each core: more of them leave its caches, and
    everybody else waits longer. A GPU is not busy with so few, and each pass has its fixed cost.
    """
    if backend.provider == CUDA:
        suitable, allowance = 16384, 4096
    else:
        suitable, allowance = max(1024, 512 * backend.threads), 32
    batch_tokens = min(settings.max_batch_tokens or suitable, settings.max_queue_tokens)
    return BatchLimits(
        max_batch_tokens=batch_tokens,
        max_batch_size=settings.max_batch_size,
        max_queue_tokens=settings.max_queue_tokens,
        padding_allowance=min(allowance, batch_tokens // 4),
    )


def _warm_up(
    spec: ModelSpec,
    backend: OnnxBackend,
    limits: BatchLimits,
    canary: Encoding,
    find_faults: Callable[[Rows], Mapping[int, str]],
) -> int:
    """Run a small batch and the largest, so that no request pays for the first of its size.

    Returns:
        The numbers of a row.

    Raises:
        StartupError: The graph does not run, or what it gives cannot be served.
    """
    longest = spec.max_input_tokens
    most = max(1, min(limits.max_batch_tokens // longest, limits.max_batch_size))
    ids = np.full(longest, spec.pad_token_id, dtype=np.int32)
    filler = Encoding(ids, np.zeros_like(ids), truncated=False, full_length=longest)
    started = time.perf_counter()
    try:
        backend.run([filler] * most)
        rows = backend.run([canary])
    except Exception as error:
        # A graph that does not run at all is the operator's matter, whatever ails it.
        raise StartupError(f"{spec.folder} does not run: {error}") from error
    for fault in find_faults(rows).values():
        raise StartupError(f"{spec.folder} does not work: of the text {_CANARY!r}, {fault}")
    logger.info(
        "%s: warm on %s with %d x %d tokens in %.2f s",
        *(spec.name, backend.provider, most, longest, time.perf_counter() - started),
    )
    return int(rows.shape[1])

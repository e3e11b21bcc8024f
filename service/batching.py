"""Batches from what accumulates while the engine is busy.

There is no timer: an idle engine runs a lone request at once. Knows nothing of HTTP, text or ONNX
Runtime; an item is anything with a length, a row whatever `run_batch` makes of it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Generic, Self

from service.batch import Batch, Outcome
from service.batch_shape import BatchLimits
from service.drain import DrainRate
from service.errors import (
    DeadlineExceeded,
    InferenceFailed,
    Overloaded,
    ServiceError,
    Unavailable,
)
from service.metrics import DropReason, ModelMetrics
from service.passes import Pass, Passes
from service.request import BatchResults, Entry, Item, Request
from service.vectors import Rows
from service.watchdog import Watchdog

logger = logging.getLogger(__name__)

# Share of `max_queue_tokens` that stands open, over it, to clients of whom nothing waits: so one
# that fills the queue does not lock the others out.
_RESERVE = 0.125

# Seconds between two attempts of an engine that fails on everything.
_RETRY = 0.5


class Batcher(Generic[Item]):
    """Answers requests from batches; an async context manager that drains at its end.

    Every admitted request is settled exactly once: with its rows, with the error of the item that
    failed, at its deadline, or with `Unavailable` when the loop ends for whatever reason, when a
    forward pass outlives its bound, or when the engine fails on what it is known to answer.

    Args:
        run_batch: Gives one row an item; called in the executor, one batch at a time.
        executor: Where it is called.
        limits: How much is taken.
        shutdown_timeout: Seconds to finish admitted work in, at the end.
        find_unusable: Gives the positions of bad rows, each with its fault; called there too.
        metrics: Where to record.
        pass_timeout: Seconds after which a forward pass is taken to be stuck.
        canary: An item that the engine has answered. It is run after one that failed alone, to
            tell a bad item from a broken engine; None takes every failure for the item's.
    """

    def __init__(
        self,
        run_batch: Callable[[Sequence[Item]], Rows],
        *,
        executor: Executor,
        limits: BatchLimits,
        shutdown_timeout: float,
        find_unusable: Callable[[Rows], Mapping[int, str]],
        metrics: ModelMetrics,
        pass_timeout: float = 60.0,
        canary: Item | None = None,
    ) -> None:
        self._passes = Passes(
            run_batch,
            executor=executor,
            limits=limits,
            find_unusable=find_unusable,
            metrics=metrics,
        )
        self._max_queue_tokens = limits.max_queue_tokens
        self._shutdown_timeout = shutdown_timeout
        self._metrics = metrics
        self._admitted: set[Request[Item]] = set()
        self._drain_rate = DrainRate()
        self._work = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self._watchdog = Watchdog(pass_timeout, self._give_up)
        self._canary = canary
        self._suspect = False  # something failed that may be the engine's fault
        self._broken = False

    async def __aenter__(self) -> Self:
        """Start the loop."""
        self._task = asyncio.create_task(self._serve(), name="batcher")
        self._task.add_done_callback(_log_death)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Refuse new requests, finish the admitted ones within `shutdown_timeout`, end the loop."""
        assert self._task is not None
        self._stopping = True
        self._work.set()
        try:
            await asyncio.wait([self._task], timeout=self._shutdown_timeout)
        finally:
            self._task.cancel()
        await asyncio.wait([self._task])

    @property
    def running(self) -> bool:
        """Whether requests are taken: the loop is alive and not stopping."""
        return self._task is not None and not self._task.done() and not self._stopping

    @property
    def ready(self) -> bool:
        """Whether requests are answered: they are taken, and the engine is not stuck or broken."""
        return self.running and not self._watchdog.stuck and not self._broken

    async def submit(
        self, items: Sequence[Item], *, deadline: float | None = None, client: Hashable = ""
    ) -> BatchResults:
        """Run items; all of them are admitted or none.

        Args:
            items: At least one.
            deadline: When to give up, on the event loop's clock; what still waits then is not run.
            client: Who sent them; clients take turns.

        Raises:
            Overloaded: The queue is full; `retry_after` is reckoned from how fast it drains.
            DeadlineExceeded: The deadline passed.
            InferenceFailed: One of the items failed; `index` says which.
            Unavailable: The loop is stopping or has died, or the engine is stuck or broken.
        """
        loop = asyncio.get_running_loop()
        request = Request(items, loop.create_future(), admitted=loop.time(), client=client)
        self._admit(request)
        timer: asyncio.TimerHandle | None = None
        late = DeadlineExceeded("the request's deadline has passed")
        if deadline is not None and deadline <= loop.time():
            self._fail(request, late, "deadline")
        elif deadline is not None:
            timer = loop.call_at(deadline, self._fail, request, late, "deadline")
        try:
            return await request.future
        finally:
            if timer is not None:
                timer.cancel()
            self._admitted.discard(request)
            self._passes.withdraw(request, "cancelled")  # all other ends have withdrawn it already

    def _admit(self, request: Request[Item]) -> None:
        if not request.entries:
            raise ValueError("a request needs at least one item")
        if not self.running:
            raise Unavailable("the service is stopping" if self._stopping else "batching has ended")
        if not self.ready:
            raise Unavailable("inference is stuck: it is not known when it goes on")
        # An empty queue takes anything, or a request over the limit could never be served.
        waiting = self._passes.waiting_tokens
        overflow = waiting + request.tokens - self._limit(request.client)
        if waiting and overflow > 0:
            self._metrics.refused()
            wait = self._drain_rate.seconds_for(min(overflow, waiting))
            raise Overloaded("Model is overloaded: the queue is full", retry_after=wait)
        self._passes.add(request)
        self._admitted.add(request)
        self._work.set()

    def _limit(self, client: Hashable) -> int:
        reserve = 0.0 if self._passes.holds(client) else _RESERVE
        return int(self._max_queue_tokens * (1 + reserve))

    def _fail(self, request: Request[Item], error: ServiceError, reason: DropReason) -> None:
        request.fail(error)
        self._passes.withdraw(request, reason)

    async def _serve(self) -> None:
        running: Pass[Item] | None = None
        try:
            while True:
                if running is None and self._suspect:
                    await self._recover()
                running = running or self._passes.start()
                if running is not None:
                    running = await self._finish(running)
                elif self._stopping:
                    return
                else:
                    self._work.clear()
                    await self._work.wait()
        finally:
            self._fail_all("the service has stopped")

    def _fail_all(self, message: str) -> None:
        for request in self._admitted:
            self._fail(request, Unavailable(message), "stopped")

    def _give_up(self) -> None:
        """Tell everybody at once that no answer is to be had from a pass that is stuck."""
        self._fail_all("inference is stuck")

    async def _finish(self, running: Pass[Item]) -> Pass[Item] | None:
        """Wait for a pass, answer from it while its successor runs, and return that.

        A batch that fails is split, so that the item at fault fails alone.
        """
        batch = running.batch
        started = time.monotonic()
        try:
            with self._watchdog.watch():
                ended = await asyncio.wrap_future(running.job)
                if not self._watchdog.stuck:
                    self._drain_rate.note(batch.tokens, time.monotonic() - started)
        except Exception as error:
            self._metrics.batch_failed()
            logger.warning("a forward pass of %d items failed", len(batch), exc_info=error)
            self._split(batch)
            return None
        self._settle(ended.outcome)
        return ended.successor

    async def _recover(self) -> None:
        """See whether the engine still answers its canary; if not, tell all and wait until so."""
        while not await self._answers_canary():
            if not self._broken:
                logger.critical("the engine fails on a text that it has answered before")
                self._broken = True
                self._fail_all("inference fails")
            if self._stopping:
                self._suspect = False
                return
            await asyncio.sleep(_RETRY)
        if self._broken:
            logger.warning("the engine answers again")
        self._suspect = self._broken = False

    async def _answers_canary(self) -> bool:
        if self._canary is None:
            return True
        try:
            with self._watchdog.watch():
                return await asyncio.wrap_future(self._passes.try_alone(self._canary))
        except Exception:
            logger.debug("the canary failed", exc_info=True)
            return False

    def _split(self, batch: Batch[Item]) -> None:
        if len(batch) == 1:
            self._suspect = True
            self._fail_entry(batch.entries[0], "the model failed on this text")
        else:
            self._passes.split(batch)

    def _fail_entry(self, entry: Entry[Item], fault: str) -> None:
        self._fail(entry.request, InferenceFailed(fault, index=entry.index), "failed")

    def _settle(self, outcome: Outcome[Item]) -> None:
        batch, seconds = outcome.batch, outcome.seconds
        tokens, padded_tokens = batch.tokens, batch.padded_tokens
        self._metrics.ran(
            texts=len(batch), tokens=tokens, padded_tokens=padded_tokens, seconds=seconds
        )
        self._suspect |= outcome.all_faulty
        for position, fault in sorted(outcome.faults.items()):
            self._fail_entry(batch.entries[position], fault)
        now = asyncio.get_running_loop().time()
        for request in outcome.fill_requests():
            if results := request.finish(now):
                self._metrics.answered(
                    len(results.rows),
                    queue=results.queue_duration,
                    inference=results.inference_duration,
                )


def _log_death(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        logger.critical("the batch loop has died", exc_info=error)

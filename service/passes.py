"""Forward passes, one after the other: the thread that ends one takes the next batch itself.

If the event loop had to be asked, the engine would stand still until it came to that: behind a body
that is parsed, an answer that is written, and two changes of threads.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Generic

from service.batch import Batch, Outcome
from service.batch_shape import BatchLimits
from service.metrics import DropReason, ModelMetrics
from service.packing import Queue
from service.request import Item, Request
from service.vectors import Rows


@dataclass(frozen=True, slots=True)
class Pass(Generic[Item]):
    """A forward pass that has been handed to the executor.

    Attributes:
        batch: What is run.
        job: Ends with what came of it, or with what the engine raised.
    """

    batch: Batch[Item]
    job: Future[Ended[Item]]


@dataclass(frozen=True, slots=True)
class Ended(Generic[Item]):
    """A forward pass that has given its rows.

    Attributes:
        outcome: What came of it.
        successor: The next pass, which its thread has handed to the executor; None where nothing
            waited, or where it has to be seen first whether the engine still works.
    """

    outcome: Outcome[Item]
    successor: Pass[Item] | None


class Passes(Generic[Item]):
    """What waits and what runs. All methods may be called from any thread.

    Args:
        run_batch: Gives one row an item; called in the executor, one batch at a time.
        executor: Where it is called; other models may share it, and then their passes take turns.
        limits: How much goes into a batch.
        find_unusable: Gives the positions of bad rows, each with its fault; called there too.
        metrics: Where to record.
    """

    def __init__(
        self,
        run_batch: Callable[[Sequence[Item]], Rows],
        *,
        executor: Executor,
        limits: BatchLimits,
        find_unusable: Callable[[Rows], Mapping[int, str]],
        metrics: ModelMetrics,
    ) -> None:
        self._run_batch = run_batch
        self._executor = executor
        self._find_unusable = find_unusable
        self._metrics = metrics
        self._queue: Queue[Item] = Queue(limits)
        self._halves: deque[Batch[Item]] = deque()  # of batches that failed; they go first
        self._lock = threading.Lock()  # of the queue and the halves
        metrics.watch_queue(lambda: self._queue.texts, lambda: self._queue.tokens)

    @property
    def waiting_tokens(self) -> int:
        """Tokens that wait, those of halves not counted."""
        return self._queue.tokens

    def holds(self, client: Hashable) -> bool:
        """Whether something of this client waits."""
        return self._queue.holds(client)

    def add(self, request: Request[Item]) -> None:
        """Let a request wait; who adds the first one starts a pass as well."""
        with self._lock:
            self._queue.add(request)

    def withdraw(self, request: Request[Item], reason: DropReason) -> None:
        """Take out what still waits of a request, and count why."""
        with self._lock:
            count = self._queue.remove(request)
            if count:
                self._metrics.dropped(count, reason)

    def split(self, batch: Batch[Item]) -> None:
        """Let the halves of a batch that failed wait before everything else."""
        with self._lock:
            self._halves.extendleft(reversed(batch.halves()))

    def start(self, after: float | None = None) -> Pass[Item] | None:
        """Hand the next batch to the executor; None if nothing waits.

        Args:
            after: When the pass ended that this one follows, in `time.perf_counter` seconds; None
                where the engine had nothing to do.

        Raises:
            RuntimeError: The executor is shut down; the batch waits again.
        """
        batch = self._next_batch()
        if batch is None:
            return None
        try:
            return Pass(batch, self._executor.submit(self._run, batch, after))
        except RuntimeError:
            with self._lock:
                self._halves.appendleft(batch)
            raise

    def try_alone(self, item: Item) -> Future[bool]:
        """Run an item by itself, beside what waits, and tell whether its row can be served.

        Raises:
            RuntimeError: The executor is shut down.
        """
        return self._executor.submit(self._try, item)

    def _next_batch(self) -> Batch[Item] | None:
        """Take what to run next, without the entries whose request is settled by now."""
        with self._lock:
            while self._halves or self._queue.texts:
                batch = self._halves.popleft() if self._halves else Batch(self._queue.next_batch())
                unsettled = batch.unsettled()
                if len(unsettled) < len(batch):
                    self._metrics.dropped(len(batch) - len(unsettled), "cancelled")
                if unsettled.entries:
                    return unsettled
        return None

    def _run(self, batch: Batch[Item], after: float | None) -> Ended[Item]:
        """Run one batch, in the executor."""
        started = time.perf_counter()
        if after is not None:
            self._metrics.followed(started - after)
        rows = self._run_batch([entry.item for entry in batch.entries])
        ended = time.perf_counter()
        if len(rows) != len(batch):
            raise RuntimeError(f"{len(batch)} items gave {len(rows)} rows")
        outcome = Outcome(batch, rows, self._find_unusable(rows), ended - started)
        return Ended(outcome, None if outcome.all_faulty else self._succeed(ended))

    def _try(self, item: Item) -> bool:
        rows = self._run_batch([item])
        return len(rows) == 1 and not self._find_unusable(rows)

    def _succeed(self, ended: float) -> Pass[Item] | None:
        try:
            return self.start(after=ended)
        except RuntimeError:
            return None  # for the event loop, which starts it next, to fall over

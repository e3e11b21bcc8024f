"""The texts that were submitted together, and the one future that answers for all of them."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Hashable, Sequence, Sized
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from service.errors import ServiceError
from service.vectors import Rows

Item = TypeVar("Item", bound=Sized)


@dataclass(frozen=True, slots=True)
class BatchResults:
    """What the batches made of one request.

    Attributes:
        rows: One row an item, in the order of the items.
        queue_duration: Seconds spent waiting, before the first forward pass and between passes.
        inference_duration: Seconds of the forward passes that held items of the request.
    """

    rows: Rows
    queue_duration: float
    inference_duration: float


@dataclass(slots=True, eq=False)
class Entry(Generic[Item]):
    """One item of a request; compared by identity.

    Attributes:
        item: What is run.
        length: Its tokens.
        request: Whom it belongs to.
        index: Its position there.
        queued: Whether it waits for a batch.
    """

    item: Item
    length: int
    request: Request[Item]
    index: int
    queued: bool = False


class Request(Generic[Item]):
    """A request from its admission to its answer, which is given exactly once.

    Args:
        items: What to run, at least one.
        future: Gets the results, or the first error.
        admitted: When it was admitted, in seconds of the event loop's clock.
        client: Who sent it.

    Attributes:
        entries: The items, in order.
        client: Who sent it; the clients take turns.
        tokens: Tokens of all items.
    """

    def __init__(
        self,
        items: Sequence[Item],
        future: Future[BatchResults],
        *,
        admitted: float,
        client: Hashable = "",
    ) -> None:
        self.entries = [Entry(item, len(item), self, index) for index, item in enumerate(items)]
        self.tokens = sum(entry.length for entry in self.entries)
        self.client = client
        self.future = future
        self._admitted = admitted
        self._missing = len(self.entries)
        self._inference = 0.0
        self._rows: Rows | None = None

    @property
    def settled(self) -> bool:
        """Whether the answer is given, or its asker has gone."""
        return self.future.done()

    def fill(self, entries: Sequence[Entry[Item]], rows: Rows, *, seconds: float) -> None:
        """Take the rows of some entries, from a forward pass that took so many seconds."""
        if self._rows is None:
            self._rows = np.empty((len(self.entries), rows.shape[1]), dtype=np.float32)
        self._rows[[entry.index for entry in entries]] = rows
        self._missing -= len(entries)
        self._inference += seconds

    def finish(self, now: float) -> BatchResults | None:
        """Answer if no row is missing; return the answer, if this call gave it."""
        if self._missing or self.settled or self._rows is None:
            return None
        waited = max(0.0, now - self._admitted - self._inference)
        results = BatchResults(self._rows, waited, self._inference)
        self.future.set_result(results)
        return results

    def fail(self, error: ServiceError) -> None:
        """Answer with an error, unless the request is settled."""
        if not self.settled:
            self.future.set_exception(error)
            # Read once here, or asyncio reports it as lost when the asker leaves at this moment.
            self.future.exception()

"""What holds for every schedule: of the queue as a pure structure, and of the batcher around it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from service.batch_shape import BatchLimits
from service.batching import Batcher
from service.errors import InferenceFailed, Overloaded
from service.metrics import Metrics
from service.packing import Queue
from service.request import Entry, Request
from service.vectors import Rows, find_unusable

# Few and always the same, so that a run is quick and its outcome is no matter of luck.
few = settings(max_examples=60, derandomize=True, deadline=None, database=None)

LIMITS = BatchLimits(
    max_batch_tokens=64, max_batch_size=6, max_queue_tokens=400, padding_allowance=8
)
CLIENTS = st.sampled_from(["a", "b", "c"])
LENGTHS = st.lists(st.integers(1, 80), min_size=1, max_size=9)


class Text:
    """An item that knows whose it is, and whether the engine is to fail on it."""

    def __init__(self, owner: int, position: int, length: int, *, bad: bool = False) -> None:
        self.owner = owner
        self.position = position
        self.length = length
        self.bad = bad

    def __len__(self) -> int:
        return self.length


class Inline(Executor):
    """Runs a call where it is submitted, so that a schedule is the same each time."""

    def submit(self, call: Callable[..., object], /, *arguments: object) -> Future[object]:  # type: ignore[override]
        future: Future[object] = Future()
        try:
            future.set_result(call(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future


def run_batch(items: Sequence[Text]) -> Rows:
    if any(item.bad for item in items):
        raise ValueError("bad")
    return np.array([[item.owner, item.position] for item in items], dtype=np.float32)


class Ledger:
    """A queue, and what has to be true of it after each event."""

    def __init__(self) -> None:
        self.queue: Queue[Text] = Queue(LIMITS)
        self.requests: list[Request[Text]] = []
        self.given_out: Counter[tuple[int, int]] = Counter()
        self.gone: set[int] = set()
        self.waited: Counter[object] = Counter()  # batches since a client was last served

    def come(self, client: str, lengths: Sequence[int]) -> None:
        owner = len(self.requests)
        texts = [Text(owner, position, length) for position, length in enumerate(lengths)]
        # No loop runs here, and nothing is settled.
        future: Any = Future()
        self.requests.append(Request(texts, future, admitted=0.0, client=client))
        self.queue.add(self.requests[-1])

    def leave(self, owner: int) -> None:
        if owner < len(self.requests):
            self.queue.remove(self.requests[owner])
            self.gone.add(owner)

    def take(self) -> None:
        clients = {entry.request.client for entry in self.queued()}
        batch = self.queue.next_batch()
        assert bool(batch) == bool(clients)
        lengths = [entry.length for entry in batch]
        assert len(batch) <= LIMITS.max_batch_size
        assert len(batch) <= 1 or max(lengths) * len(batch) <= LIMITS.max_batch_tokens
        self.given_out.update((entry.item.owner, entry.index) for entry in batch)
        self.waited.update(clients)
        # Each of the two others seeds at most one batch before it is a client's turn.
        assert all(self.waited[client] <= 3 for client in clients)
        for entry in batch:
            self.waited[entry.request.client] = 0

    def queued(self) -> list[Entry[Text]]:
        return [entry for each in self.requests for entry in each.entries if entry.queued]

    def check(self) -> None:
        queued = self.queued()
        assert self.queue.texts == len(queued)
        assert self.queue.tokens == sum(entry.length for entry in queued)
        assert max(self.given_out.values(), default=1) == 1

    def check_end(self) -> None:
        for owner, request in enumerate(self.requests):
            if owner not in self.gone:
                assert all(
                    (owner, index) in self.given_out for index in range(len(request.entries))
                )


COMING = st.tuples(CLIENTS, LENGTHS)
BATCH, LEAVING = st.none(), st.integers(0, 20)


@few
@given(st.lists(st.one_of(COMING, BATCH, LEAVING), max_size=40))
def test_the_queue_gives_each_entry_once_in_bounded_batches_and_starves_nobody(
    events: list[tuple[str, list[int]] | int | None],
) -> None:
    ledger = Ledger()
    for event in events:
        match event:
            case None:
                ledger.take()
            case int():
                ledger.leave(event)
            case client, lengths:
                ledger.come(client, lengths)
        ledger.check()
    while ledger.queue.texts:
        ledger.take()
        ledger.check()
    ledger.check_end()


Submission = tuple[str, list[tuple[int, bool]], int, int]
TEXTS = st.lists(
    st.tuples(st.integers(1, 80), st.sampled_from([False] * 9 + [True])), min_size=1, max_size=9
)
# Client, texts, rounds of the event loop before it comes, rounds until it leaves.
SUBMISSIONS = st.lists(
    st.tuples(CLIENTS, TEXTS, st.integers(0, 3), st.sampled_from([1, 2, 5, 999])), max_size=25
)


@few
@given(SUBMISSIONS)
def test_every_request_is_settled_once_with_its_own_rows_in_order(
    submissions: list[Submission],
) -> None:
    asyncio.run(_submit_all(submissions))


async def _submit_all(submissions: list[Submission]) -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: complaints.append(fault))
    async with Batcher(
        run_batch,
        executor=Inline(),
        limits=LIMITS,
        shutdown_timeout=5,
        find_unusable=partial(find_unusable, zeros_allowed=True),
        metrics=Metrics().for_model("m", encoder=True),
        canary=Text(0, 0, 1),
    ) as batcher:
        asking = []
        for owner, (client, texts, before, until) in enumerate(submissions):
            for _ in range(before):
                await asyncio.sleep(0)
            items = [Text(owner, n, length, bad=bad) for n, (length, bad) in enumerate(texts)]
            asking.append(asyncio.create_task(_ask(batcher, items, client)))
            if until < 999:
                asyncio.create_task(_leave(asking[-1], until))  # noqa: RUF006 ends before the block
        await asyncio.gather(*asking, return_exceptions=True)
        assert batcher.ready
    assert all(task.done() for task in asking)
    for task in asking:
        assert task.cancelled() or task.exception() is None
    assert not complaints


async def _ask(batcher: Batcher[Text], items: list[Text], client: str) -> None:
    bad = [item.position for item in items if item.bad]
    try:
        results = await batcher.submit(items, client=client)
    except (InferenceFailed, Overloaded) as error:
        failure = error
    else:
        assert results.rows.tolist() == [[item.owner, item.position] for item in items]
        assert not bad
        return
    assert isinstance(failure, Overloaded) or failure.index in bad


async def _leave(task: asyncio.Task[None], rounds: int) -> None:
    for _ in range(rounds):
        await asyncio.sleep(0)
    task.cancel()

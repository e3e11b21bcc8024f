"""Which of the waiting entries make the next batch."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Sequence

import pytest

from service.batch_shape import BatchLimits
from service.packing import Queue
from service.request import Entry, Request

WIDE = BatchLimits(max_batch_tokens=10**6, max_batch_size=10**6, max_queue_tokens=10**9)


def limits(**changes: int) -> BatchLimits:
    fields = {"max_batch_tokens": 10**6, "max_batch_size": 10**6, "max_queue_tokens": 10**9}
    return BatchLimits(**(fields | changes))


def request(*lengths: int, client: str = "") -> Request[range]:
    loop = asyncio.new_event_loop()
    items = [range(length) for length in lengths]
    try:
        return Request(items, loop.create_future(), admitted=0, client=client)
    finally:
        loop.close()


def queue_of(*requests: Request[range], limits: BatchLimits = WIDE) -> Queue[range]:
    queue: Queue[range] = Queue(limits)
    for each in requests:
        queue.add(each)
    return queue


def lengths(batch: Sequence[Entry[range]]) -> list[int]:
    return [entry.length for entry in batch]


def drain(queue: Queue[range]) -> list[list[int]]:
    batches = []
    while batch := queue.next_batch():
        batches.append(lengths(batch))
    return batches


def test_an_empty_queue_has_no_batch() -> None:
    assert queue_of().next_batch() == []


def test_entries_of_one_length_fill_a_batch_to_its_tokens() -> None:
    assert drain(queue_of(request(*[10] * 7), limits=limits(max_batch_tokens=30))) == [
        [10] * 3,
        [10] * 3,
        [10],
    ]


def test_a_batch_holds_no_more_texts_than_allowed() -> None:
    assert drain(queue_of(request(*[1] * 5), limits=limits(max_batch_size=2))) == [[1, 1]] * 2 + [
        [1]
    ]


def test_an_entry_over_the_budget_makes_a_batch_alone() -> None:
    queue = queue_of(request(100, 100, 3), limits=limits(max_batch_tokens=30))
    assert drain(queue) == [[100], [100], [3]]


def test_the_nearest_in_length_go_first_and_the_shorter_of_two_alike() -> None:
    queue = queue_of(
        request(50, 46, 47, 52, 53, 60),
        limits=limits(max_batch_size=4, padding_allowance=100),
    )
    assert lengths(queue.next_batch()) == [50, 52, 47, 53]


@pytest.mark.parametrize(
    ("waiting", "allowance", "first"),
    [
        ((256, 8), 0, [256]),
        ((8, 256), 0, [8]),
        ((256, 8), 248, [256, 8]),
        ((256, 8, 8), 250, [256, 8]),
        ((256, 250), 0, [256, 250]),
        ((100,) * 40 + (8,), 0, [100] * 40 + [8]),
        ((100,) * 20 + (8,), 0, [100] * 20),
        ((8,) + (256,) * 50, 32, [8]),
    ],
)
def test_an_entry_is_not_padded_for_more_than_a_forward_pass_of_its_own_costs(
    waiting: tuple[int, ...], allowance: int, first: list[int]
) -> None:
    queue = queue_of(request(*waiting), limits=limits(padding_allowance=allowance))
    assert lengths(queue.next_batch()) == first


def test_no_batch_breaks_a_limit_and_every_entry_is_in_one() -> None:
    chance = random.Random(1)
    for _ in range(50):
        bound = limits(
            max_batch_tokens=chance.randint(50, 2000),
            max_batch_size=chance.randint(1, 40),
            padding_allowance=chance.randint(0, 100),
        )
        waiting = [chance.randint(1, 300) for _ in range(200)]
        batches = drain(queue_of(request(*waiting), limits=bound))
        assert sorted(itertools.chain(*batches)) == sorted(waiting)
        for batch in batches:
            padded, real = max(batch) * len(batch), sum(batch)
            assert len(batch) <= bound.max_batch_size
            assert padded <= bound.max_batch_tokens or len(batch) == 1
            assert padded - real <= bound.padding_allowance + real / 32


def test_requests_seed_in_turns_and_the_one_that_just_did_goes_behind_newcomers() -> None:
    one_each = limits(max_batch_size=1)
    bulk, lone, pair = request(*[20] * 6), request(5), request(7, 8)
    queue = queue_of(bulk, limits=one_each)
    assert lengths(queue.next_batch()) == [20]
    queue.add(lone)
    queue.add(pair)
    assert drain(queue) == [[5], [7], [20], [8], [20], [20], [20], [20]]


def test_each_request_seeds_with_its_oldest_entry() -> None:
    queue = queue_of(request(9, 3, 7), limits=limits(max_batch_size=1))
    assert drain(queue) == [[9], [3], [7]]


def test_a_small_request_goes_before_bulk_work_but_not_twice_in_a_row() -> None:
    bound = limits(max_batch_tokens=80, max_batch_size=1)
    bulk, other = request(*[40] * 3), request(*[30] * 3)
    queue = queue_of(bulk, other, limits=bound)
    assert lengths(queue.next_batch()) == [40]
    for length in (5, 6, 7):
        queue.add(request(length))
    # The bulk request's turn comes between; the two other small ones have turns of their own.
    assert drain(queue) == [[5], [30], [6], [7], [40], [30], [40], [30]]


def test_a_small_request_takes_along_what_is_small_and_little_bulk_work() -> None:
    bound = limits(max_batch_tokens=800, max_batch_size=50)
    queue = queue_of(request(*[10] * 200), limits=bound)
    assert lengths(queue.next_batch()) == [10] * 50
    small = [request(*[10] * 3) for _ in range(4)]
    for each in small:
        queue.add(each)
    # It has room for their 120 tokens, and for an eighth of 800 beside them.
    batch = queue.next_batch()
    assert lengths(batch) == [10] * 22
    assert [entry.request for entry in batch[:12]] == [each for each in small for _ in range(3)]
    assert lengths(queue.next_batch()) == [10] * 50


def test_among_small_requests_those_of_all_clients_take_turns() -> None:
    bound = limits(max_batch_tokens=80, max_batch_size=1)
    queue = queue_of(request(*[40] * 9), limits=bound)
    assert lengths(queue.next_batch()) == [40]
    for client, length in (("a", 5), ("a", 6), ("a", 7), ("b", 8)):
        queue.add(request(length, client=client))
    batches = [lengths(queue.next_batch()) for _ in range(6)]
    assert batches.index([8]) < batches.index([6])


def test_a_bulk_request_fills_up_the_batches_of_others() -> None:
    bulk, lone = request(*[10] * 6), request(10)
    queue = queue_of(lone, bulk, limits=limits(max_batch_tokens=40))
    batch = queue.next_batch()
    assert batch[0].request is lone
    assert [entry.request for entry in batch[1:]] == [bulk] * 3


def test_a_removed_request_leaves_nothing_behind() -> None:
    gone, stays = request(5, 6, 7), request(6)
    queue = queue_of(gone, stays)
    assert (queue.texts, queue.tokens) == (4, 24)
    assert queue.remove(gone) == 3
    assert queue.remove(gone) == 0
    assert (queue.texts, queue.tokens) == (1, 6)
    assert [entry.request for entry in queue.next_batch()] == [stays]
    assert (queue.texts, queue.tokens) == (0, 0)


def test_what_has_been_taken_is_not_removed_again() -> None:
    partly = request(5, 5, 5)
    queue = queue_of(partly, limits=limits(max_batch_size=2))
    queue.next_batch()
    assert queue.remove(partly) == 1
    assert queue.next_batch() == []


def test_tens_of_thousands_of_entries_are_packed_in_linear_time() -> None:
    chance = random.Random(2)
    bound = limits(max_batch_tokens=2048, max_batch_size=512, padding_allowance=32)
    requests = [request(*(chance.randint(3, 256) for _ in range(2000))) for _ in range(20)]
    started = time.process_time()
    batches = drain(queue_of(*requests, limits=bound))
    assert time.process_time() - started < 5, "40 000 entries take some 0.2 s"
    assert sum(map(len, batches)) == 40_000
    padded = sum(max(batch) * len(batch) for batch in batches)
    assert padded / sum(map(sum, batches)) < 1.05

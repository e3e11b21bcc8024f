"""Entries that share a forward pass."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from service.batch import Batch, Outcome
from service.request import Request

pytestmark = pytest.mark.anyio


def request(*lengths: int) -> Request[range]:
    future = asyncio.get_running_loop().create_future()
    return Request([range(length) for length in lengths], future, admitted=0)


async def test_a_batch_costs_its_longest_entry_times_its_entries() -> None:
    batch = Batch(request(3, 5, 4).entries)
    assert (len(batch), batch.tokens, batch.padded_tokens) == (3, 12, 15)


@pytest.mark.parametrize("count", [2, 3, 7])
async def test_the_halves_are_the_whole_and_neither_is_empty(count: int) -> None:
    batch = Batch(request(*[1] * count).entries)
    first, second = batch.halves()
    assert first.entries + second.entries == batch.entries
    assert abs(len(first) - len(second)) <= 1
    assert min(len(first), len(second)) > 0


async def test_entries_of_settled_requests_are_left_out() -> None:
    gone, stays = request(1, 1), request(1)
    gone.future.cancel()
    assert Batch([*gone.entries, *stays.entries]).unsettled().entries == stays.entries
    assert Batch(gone.entries).unsettled().entries == []


async def test_each_request_gets_the_rows_of_its_own_entries() -> None:
    one, other, gone = request(1, 1), request(1), request(1)
    gone.future.cancel()
    batch = Batch([one.entries[1], *other.entries, *gone.entries, one.entries[0]])
    rows = np.array([[11], [20], [30], [10]], dtype=np.float32)
    filled = Outcome(batch, rows, {}, 0.5).fill_requests()
    assert filled == [one, other]
    answers = [request.finish(now=1) for request in filled]
    assert [answer.rows.tolist() for answer in answers if answer] == [[[10], [11]], [[20]]]

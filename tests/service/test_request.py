"""A request from its admission to its one answer."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from service.errors import DeadlineExceeded, Unavailable
from service.request import Request

pytestmark = pytest.mark.anyio


def request(*lengths: int) -> Request[range]:
    future = asyncio.get_running_loop().create_future()
    return Request([range(length) for length in lengths], future, admitted=100)


def rows(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)[:, None]


async def test_rows_that_come_in_any_order_are_answered_in_the_order_of_the_items() -> None:
    asked = request(5, 6, 7)
    first, second, third = asked.entries
    asked.fill([third, first], rows(7, 5), seconds=2)
    assert asked.finish(now=104) is None
    assert not asked.settled
    asked.fill([second], rows(6), seconds=1)
    results = asked.finish(now=108)
    assert results is not None
    assert results.rows.tolist() == [[5], [6], [7]]
    assert (results.inference_duration, results.queue_duration) == (3, 5)
    assert await asked.future is results


async def test_only_the_first_answer_counts() -> None:
    asked = request(1)
    asked.fill(asked.entries, rows(1), seconds=0)
    asked.fail(Unavailable("first"))
    asked.fail(DeadlineExceeded("second"))
    assert asked.finish(now=100) is None
    with pytest.raises(Unavailable, match="first"):
        await asked.future


async def test_an_asker_who_has_gone_is_not_answered() -> None:
    asked = request(1)
    asked.future.cancel()
    assert asked.settled
    asked.fail(Unavailable("late"))
    assert asked.future.cancelled()


async def test_the_rows_are_a_copy_that_does_not_keep_the_batch_alive() -> None:
    asked, batch_rows = request(1), rows(1)
    asked.fill(asked.entries, batch_rows, seconds=0)
    results = asked.finish(now=100)
    assert results is not None
    assert not np.shares_memory(results.rows, batch_rows)

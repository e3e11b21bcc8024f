"""Two coroutines at once: neither is left behind."""

from __future__ import annotations

import asyncio

import pytest

from service.together import together

pytestmark = pytest.mark.anyio


class Part:
    """A coroutine that says how it ended."""

    def __init__(self) -> None:
        self.end = "runs"
        self.started = asyncio.Event()

    async def wait(self) -> str:
        self.started.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.end = "given up"
            raise
        return "done"


async def answer(value: int) -> int:
    return value


async def test_both_results_come_in_their_order() -> None:
    assert await together(answer(1), answer(2)) == (1, 2)


@pytest.mark.parametrize("failing_first", [True, False])
async def test_where_one_fails_the_other_is_given_up(failing_first: bool) -> None:
    part = Part()

    async def fail() -> str:
        await part.started.wait()
        raise ValueError("it fails")

    pair = (fail(), part.wait()) if failing_first else (part.wait(), fail())
    with pytest.raises(ValueError, match="it fails"):
        await together(*pair)
    await asyncio.sleep(0)
    assert part.end == "given up"


async def test_a_caller_who_leaves_ends_both() -> None:
    parts = Part(), Part()
    task = asyncio.create_task(together(parts[0].wait(), parts[1].wait()))
    await asyncio.gather(*(part.started.wait() for part in parts))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [part.end for part in parts] == ["given up"] * 2

"""Long work on texts, in portions: a request that is cancelled ends after its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

Item = TypeVar("Item")
Result = TypeVar("Result")

# Characters that are worked on at a time: about a tenth of a second for the slowest work.
PORTION = 16_384


async def in_portions(
    work: Callable[[Sequence[Item]], list[Result]],
    items: Sequence[Item],
    length: Callable[[Item], int],
) -> list[Result]:
    """Do work in threads, portion by portion, and return what it gave in order.

    Args:
        work: What to do with a portion; it may raise.
        items: What to do it with.
        length: Gives the characters of an item.
    """
    results: list[Result] = []
    for portion in _divide(items, length):
        results += await run_in_threadpool(work, portion)
    return results


def _divide(items: Sequence[Item], length: Callable[[Item], int]) -> Iterator[list[Item]]:
    """Divide items into runs that end with the item that fills `PORTION`."""
    portion: list[Item] = []
    characters = 0
    for item in items:
        portion.append(item)
        characters += length(item)
        if characters >= PORTION:
            yield portion
            portion, characters = [], 0
    if portion:
        yield portion

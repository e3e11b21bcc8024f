"""What the rows of every kind have in common: their type, their numbered columns, their order."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from typing import TypeVar

Row = dict[str, str | float]
Item = TypeVar("Item")


def passes(items: Sequence[Item], rng: random.Random) -> Iterator[Item]:
    """Go through the items for ever, each pass in another order."""
    order = list(items)
    for _ in repeat(None) if order else ():
        rng.shuffle(order)
        yield from order


def made(
    items: Sequence[Item], make: Callable[[Item], Row | None], rng: random.Random
) -> Iterator[Row]:
    """Go through the items as `passes` does, and yield the rows that are made of them.

    Ends where a whole pass gives no row, and not never.
    """
    order = list(items)
    while True:
        rng.shuffle(order)
        empty = True
        for row in filter(None, map(make, order)):
            empty = False
            yield row
        if empty:
            return


def numbered(name: str, texts: Sequence[str]) -> Row:
    """Spread texts over the columns name_1, name_2 and so on."""
    return {f"{name}_{number}": text for number, text in enumerate(texts, start=1)}


def last(items: Sequence[Item], count: int) -> Sequence[Item]:
    """So many of the last items; all of them for 0."""
    return items[-count:] if count else items

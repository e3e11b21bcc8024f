"""Texts of one request without their twins, so that each of them is run once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self, TypeVar

from service.errors import ServiceError

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Distinct:
    """Texts without their twins: run once, these cannot get results that differ by rounding.

    Attributes:
        texts: Each once, in the order of the first of its kind.
        places: Position of the first of its kind among all texts.
        numbers: For each of all texts, its position in `texts`.
    """

    texts: list[str]
    places: list[int]
    numbers: list[int]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Self:
        """Leave out the twins."""
        places: dict[str, int] = {}
        for place, text in enumerate(texts):
            places.setdefault(text, place)
        numbers = {text: number for number, text in enumerate(places)}
        return cls([*places], [*places.values()], [numbers[text] for text in texts])

    def for_all(self, values: Sequence[Value]) -> list[Value]:
        """Give each of all texts the value of the first of its kind, from one value a kind."""
        return [values[number] for number in self.numbers]


@contextmanager
def placed(places: Sequence[int]) -> Iterator[None]:
    """Give an error that tells a text by its number the place with that number."""
    try:
        yield
    except ServiceError as error:
        if error.index is not None:
            error.index = places[error.index]
        raise

"""A piece of a text, with its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text.

    Attributes:
        text: The piece, `source[start:end]`.
        start: Offset of its first character, in Python string indices (code points).
        end: Offset after its last character.
    """

    text: str
    start: int
    end: int

    @classmethod
    def of(cls, source: str, start: int, end: int) -> Self:
        """Cut a piece out of a text."""
        return cls(source[start:end], start, end)

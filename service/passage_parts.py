"""What a pair model reads of the passages of one request: each whole, or its sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from service.distinct import Distinct


@dataclass(frozen=True, slots=True)
class PassageParts:
    """The parts of passages, each of which is run once however many passages have it.

    Attributes:
        distinct: The parts of all passages, passage by passage, without their twins.
        counts: How many parts each passage has.
        owners: The first passage that has it, for each distinct part.
    """

    distinct: Distinct
    counts: list[int]
    owners: list[int]

    @classmethod
    def of(cls, passages: Sequence[str], sentences: Sequence[Sequence[str]]) -> Self:
        """Take the sentences of each passage, or the passage where it has none."""
        parts = [own or [text] for text, own in zip(passages, sentences, strict=True)]
        owners = [number for number, own in enumerate(parts) for _ in own]
        distinct = Distinct.of([text for own in parts for text in own])
        return cls(distinct, list(map(len, parts)), [owners[place] for place in distinct.places])

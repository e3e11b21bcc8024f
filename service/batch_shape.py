"""How large a batch may grow, and by which lengths. Pure arithmetic."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Side = Literal["shorter", "longer"]

# A batch may hold a token of padding for so many real ones, beside the allowance.
_REAL_PER_PADDING = 32


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How much goes into a batch, and how much may wait for one.

    Attributes:
        max_batch_tokens: Tokens of a batch, padding included. An item over it is run alone.
        max_batch_size: Items of a batch.
        max_queue_tokens: Tokens that may wait. A request over it is taken when nothing waits.
        padding_allowance: Fixed cost of a forward pass, in tokens.
    """

    max_batch_tokens: int
    max_batch_size: int
    max_queue_tokens: int
    padding_allowance: int = 0


@dataclass(slots=True)
class Shape:
    """A batch under construction: its width, and how many texts and real tokens it holds."""

    limits: BatchLimits
    width: int
    texts: int
    tokens: int

    def grow(self, length: int, available: int) -> int:
        """Take in entries of one length, as many as go, and return how many those are."""
        width = max(self.width, length)
        count = min(
            available,
            self.limits.max_batch_size - self.texts,
            self.limits.max_batch_tokens // width - self.texts,
            self._bearable(length, width, available),
        )
        if count < 1:
            return 0
        self.width = width
        self.texts += count
        self.tokens += count * length
        return count

    def _bearable(self, length: int, width: int, available: int) -> int:
        """Return how many entries keep `padding <= allowance + tokens / _REAL_PER_PADDING`.

        Both sides are linear in the number of entries, so it follows without trying each.
        """
        padding_now = width * self.texts - self.tokens
        room = _REAL_PER_PADDING * (self.limits.padding_allowance - padding_now) + self.tokens
        cost = _REAL_PER_PADDING * (width - length) - length  # of one entry, its own tokens used up
        if cost > room:
            return 0
        return room // cost if cost > 0 else available


def nearest_first(lengths: Sequence[int], target: int) -> Iterator[tuple[Side, int]]:
    """Yield ascending lengths by their distance from the target, the shorter of two alike first."""
    longer = bisect_left(lengths, target)
    shorter = longer - 1
    while shorter >= 0 or longer < len(lengths):
        if longer == len(lengths) or (
            shorter >= 0 and target - lengths[shorter] <= lengths[longer] - target
        ):
            yield "shorter", lengths[shorter]
            shorter -= 1
        else:
            yield "longer", lengths[longer]
            longer += 1

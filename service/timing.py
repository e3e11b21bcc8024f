"""Where the time of a request went."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """Where a request's time went, in seconds.

    Attributes:
        tokenization: From texts to tokens.
        queue: Waiting, all of it: before the first forward pass and between passes.
        inference: The forward passes that held texts of this request.
    """

    tokenization: float
    queue: float
    inference: float

    def beside(self, other: Timing) -> Timing:
        """Return the times of two parts of a request that wait side by side."""
        return Timing(
            self.tokenization + other.tokenization,
            max(self.queue, other.queue),
            self.inference + other.inference,
        )

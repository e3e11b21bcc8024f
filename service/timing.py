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

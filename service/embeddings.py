"""What an encoder gives back: the vectors of one request, and where the time went."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.timing import Timing


@dataclass(frozen=True, slots=True)
class Embeddings:
    """The vectors of one request.

    Attributes:
        vectors: float32, (texts, dimensions), in the order of the texts.
        token_counts: Tokens that are run of each text, special tokens included; those of a text
            that repeats count each time, though it is run once.
        truncated: Positions of the texts that were cut.
        timing: Where the time went.
    """

    vectors: NDArray[np.float32]
    token_counts: list[int]
    truncated: list[int]
    timing: Timing

    @property
    def tokens(self) -> int:
        """Tokens that were run."""
        return sum(self.token_counts)


@dataclass(frozen=True, slots=True)
class TokenVectors:
    """The vectors of the tokens of one request's texts.

    Attributes:
        vectors: float32, (tokens, hidden), for each text in order; special tokens included, and
            not normalised.
        truncated: Positions of the texts that were cut.
        timing: Where the time went.
    """

    vectors: list[NDArray[np.float32]]
    truncated: list[int]
    timing: Timing

    @property
    def tokens(self) -> int:
        """Tokens that were run."""
        return sum(map(len, self.vectors))

"""What a tokenizer makes of a text, and how it is cut to what a model reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import tokenizers
from numpy.typing import NDArray

Direction = Literal["left", "right"]


@dataclass(frozen=True, slots=True, eq=False)
class Encoding:
    """The tokens of one text, or of a pair.

    Attributes:
        ids: Token ids, special tokens included.
        type_ids: 1 for the tokens of a pair's second text, else 0.
        truncated: Whether something was cut.
        full_length: Tokens before truncation, special tokens included; a lower bound for a text
            so long that it was cut before tokenising.
        token_vectors: Where a forward pass leaves the vectors of the tokens, one row each; None
            where nobody asks for them.
    """

    ids: NDArray[np.int32]
    type_ids: NDArray[np.int32]
    truncated: bool
    full_length: int
    token_vectors: list[NDArray[np.float32]] | None = None

    def __len__(self) -> int:
        """Return the number of tokens that are run."""
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text's tokens without special ones, and whether the text was cut before tokenising."""

    tokens: tokenizers.Encoding
    cut: bool


def truncated_indices(encodings: Sequence[Encoding]) -> list[int]:
    """Return the positions of the texts that were cut."""
    return [index for index, encoding in enumerate(encodings) if encoding.truncated]


def cut_ids(ids: list[int], length: int, direction: Direction) -> list[int]:
    """Return the ids cut to a length at one end."""
    if len(ids) <= length:
        return ids
    return ids[:length] if direction == "right" else ids[len(ids) - length :]


def fit_lengths(lengths: Sequence[int], room: int) -> list[int]:
    """Return the lengths cut to fit into `room`, the longer first, whatever their order."""
    if sum(lengths) <= room:
        return list(lengths)
    if len(lengths) == 1:
        return [room]
    shorter = min(*lengths, room // 2)
    if lengths[0] == lengths[1]:
        return [shorter, shorter]
    return [shorter if length == min(lengths) else room - shorter for length in lengths]

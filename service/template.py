"""Where a tokenizer puts its special tokens: learned once, so that no text has to ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, product
from typing import Self

import numpy as np
import tokenizers
from numpy.typing import NDArray

_Filled = tuple[NDArray[np.int32], NDArray[np.int32]]  # token ids and their types

# What is tried: texts of few tokens and of more.
_PROBES = ("a", "a b", "1 , 2 . 3")


@dataclass(frozen=True, slots=True)
class Template:
    """The special tokens before, between and after one text or the two of a pair.

    Attributes:
        gaps: Ids before the first text, after it, and after the second one.
        types: The type of each gap and of each text between two of them.
    """

    gaps: tuple[list[int], ...]
    types: list[int]

    @classmethod
    def learn(cls, tokenizer: tokenizers.Tokenizer, *, pair: bool) -> Self | None:
        """Return the template that does what the tokenizer's own post-processing does.

        None where none is found: the special tokens depend on the text, say, or the types change
        within it.
        """
        probes = tokenizer.encode_batch_fast(_PROBES, add_special_tokens=False)
        if not all(probe.ids for probe in probes):
            return None
        combinations = [*product(probes, repeat=2 if pair else 1)]
        lengths = [len(side) for side in combinations[0]]
        template = cls._read(tokenizer.post_process(*combinations[0]), lengths)
        for sides in combinations:
            whole = tokenizer.post_process(*sides)
            ids, types = template.fill([side.ids for side in sides])
            if ids.tolist() != whole.ids or types.tolist() != whole.type_ids:
                return None
        return template

    @classmethod
    def _read(cls, whole: tokenizers.Encoding, lengths: Sequence[int]) -> Self:
        gaps: tuple[list[int], ...] = tuple([] for _ in (*lengths, None))
        types = [0] * (2 * len(lengths) + 1)
        # Not `sequence_ids`: they are wrong for texts that were tokenised apart.
        sides = chain.from_iterable([side] * length for side, length in enumerate(lengths))
        passed = 0
        for number, type_, special in zip(
            whole.ids, whole.type_ids, whole.special_tokens_mask, strict=True
        ):
            if special:
                gaps[passed].append(number)
                types[2 * passed] = type_
            else:
                side = next(sides, 0)
                passed = side + 1
                types[2 * side + 1] = type_
        return cls(gaps, types)

    def fill(self, sides: Sequence[list[int]]) -> _Filled:
        """Put the special tokens around the ids of the texts, one or two as it was learned."""
        parts = [self.gaps[0]]
        for side, gap in zip(sides, self.gaps[1:], strict=True):
            parts += (side, gap)
        ids = np.array([*chain.from_iterable(parts)], dtype=np.int32)
        if not any(self.types):
            return ids, np.zeros(len(ids), dtype=np.int32)
        return ids, np.repeat(np.array(self.types, dtype=np.int32), [len(part) for part in parts])

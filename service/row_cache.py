"""Rows of texts that were run before, the least recently asked for dropped first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from service.encoding import Encoding

Row = NDArray[np.float32]


class RowCache:
    """A bounded number of rows by the tokens that they were made of.

    Tokens, and not texts: prompt and truncation are in them, and two texts that differ in what the
    tokenizer does not see have the same row.

    Args:
        capacity: Rows to keep; at 0 nothing is.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._rows: OrderedDict[bytes, Row] = OrderedDict()

    def __len__(self) -> int:
        """Rows that are kept."""
        return len(self._rows)

    def find(self, encodings: Sequence[Encoding]) -> dict[int, Row]:
        """Return the rows that are kept, by the position of their encoding."""
        if not self._rows:
            return {}
        found = {}
        for position, encoding in enumerate(encodings):
            key = _key(encoding)
            if encoding.token_vectors is None and key in self._rows:
                self._rows.move_to_end(key)
                found[position] = self._rows[key]
        return found

    def keep(self, encodings: Sequence[Encoding], rows: NDArray[np.float32]) -> None:
        """Keep rows, one an encoding; of more than there is room for, the last ones."""
        if not self._capacity:
            return
        for encoding, row in zip(encodings, rows, strict=True):
            # A copy, or one row would hold those of its whole request.
            self._rows[_key(encoding)] = row.copy()
        while len(self._rows) > self._capacity:
            self._rows.popitem(last=False)


def _key(encoding: Encoding) -> bytes:
    return encoding.ids.tobytes()

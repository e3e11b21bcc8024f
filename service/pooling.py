"""From one vector a token to one vector a text; pure numpy."""

from __future__ import annotations

from typing import Literal, assert_never

import numpy as np
from numpy.typing import NDArray

Pooling = Literal["mean", "cls", "lasttoken"]


def pool(
    hidden: NDArray[np.float32], mask: NDArray[np.int64], pooling: Pooling
) -> NDArray[np.float32]:
    """Pool the tokens of each text.

    Args:
        hidden: Token vectors, (batch, tokens, hidden).
        mask: 1 for a token and 0 for padding, (batch, tokens); the padding is on the right.
        pooling: `mean` over the tokens, or the vector of the first one (`cls`) or of the last one
            (`lasttoken`), which alone has seen the whole text in a decoder.

    Returns:
        One vector a text, (batch, hidden), not normalised.
    """
    match pooling:
        case "mean":
            return _mean(hidden, mask)
        case "cls":
            return np.ascontiguousarray(hidden[:, 0])
        case "lasttoken":
            # A row of padding alone has no last token, and gets what stands at its start.
            last = np.maximum(mask.sum(axis=1) - 1, 0)
            return np.ascontiguousarray(hidden[np.arange(len(hidden)), last])
        case _:
            assert_never(pooling)


def _mean(hidden: NDArray[np.float32], mask: NDArray[np.int64]) -> NDArray[np.float32]:
    weights = mask.astype(np.float32)[:, None, :]
    # A matrix product sums over the tokens without a (batch, tokens, hidden) intermediate.
    sums = np.matmul(weights, hidden)[:, 0]
    # A row of padding alone sums to zero; dividing by one keeps it zero instead of NaN.
    counts = np.maximum(weights.sum(axis=2), 1)
    return np.asarray(sums / counts, dtype=np.float32)

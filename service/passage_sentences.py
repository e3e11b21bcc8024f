"""The sentences of a passage that a query is compared with, beside the passage as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from service.sentences import split_sentences

# A passage of fewer sentences is compared as a whole alone.
_FEWEST = 3
# Sentences of a passage that are compared, the first ones.
_MOST = 64
# How far the best sentences count for more than the others: cosines that differ by this much weigh
# as 1 to e. Chosen on dev, as the next (training/LOG.md).
_TEMPERATURE = 0.1
# Share of the logarithm of their number that is taken off: with all of it a long passage of which
# one sentence answers would stand below a short one, with none it would gain by its mere length.
_NUMBER_SHARE = 0.5


def compared_sentences(passage: str) -> list[str]:
    """Return the sentences of a passage that are compared; none where it has few."""
    sentences = [span.text for span in islice(split_sentences(passage), _MOST)]
    return sentences if len(sentences) >= _FEWEST else []


def blend(
    passages: NDArray[np.float32], sentences: NDArray[np.float32], counts: Sequence[int]
) -> NDArray[np.float32]:
    """Take the mean of each passage's cosine and the soft maximum of its sentences'.

    Args:
        passages: A cosine of each passage as a whole.
        sentences: Those of the sentences of each passage in turn.
        counts: How many sentences of each passage there are.

    Returns:
        One a passage: the cosine alone where it has no sentences.
    """
    blended = passages.copy()
    ends = np.cumsum(counts)
    for number, (count, end) in enumerate(zip(counts, ends, strict=True)):
        if count:
            soft = _soft_maximum(sentences[end - count : end])
            blended[number] = (blended[number] + soft) / 2
    return blended


def _soft_maximum(cosines: NDArray[np.float32]) -> float:
    scaled = cosines.astype(np.float64) / _TEMPERATURE
    size = _NUMBER_SHARE * np.log(len(scaled))
    return _TEMPERATURE * float(np.logaddexp.reduce(scaled) - size)

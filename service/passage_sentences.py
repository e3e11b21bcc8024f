"""The sentences of a passage, and what those of a whole passage come to.

One vector of a long passage says little of a single clause, and a cross-encoder that reads it whole
hardly more (training/LOG.md). The constants were chosen on dev, for the released models.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from service.sentences import split_sentences

Floats = NDArray[np.float32]

# A passage of fewer sentences, or of more, stands as a whole.
_FEWEST, _MOST = 3, 64
# How far the best sentences count for more than the others: numbers that differ by this much weigh
# as 1 to e.
_COSINES, _RELEVANCES, _AGREEMENTS = 0.1, 0.5, 1.0
# The share of the logarithm of their number that a soft maximum is less. With all of it a long
# passage of which one sentence answers would stand below a short one, with none it would gain by
# its mere length. Agreements are about as often below zero as above, and want it all.
_NUMBER_SHARE = 0.5
# What the agreement of the sentences counts for beside their relevance, and where it is cut off: a
# relation is often surer than it is right.
_AGREEMENT_WEIGHT, _AGREEMENT_LIMIT = 0.5, 2.0


def split_passage(passage: str) -> list[str]:
    """Return the sentences of a passage that are read one by one; none where it stands whole."""
    sentences = [span.text for span in islice(split_sentences(passage), _MOST + 1)]
    return sentences if _FEWEST <= len(sentences) <= _MOST else []


def blend_cosines(passages: Floats, sentences: Floats, counts: Sequence[int]) -> Floats:
    """Take the mean of each passage's cosine and the soft maximum of its sentences'.

    Args:
        passages: A query's cosine with each passage as a whole.
        sentences: Those with the sentences of each passage in turn.
        counts: How many sentences each passage has.

    Returns:
        One a passage: the cosine alone where it has no sentences.
    """
    blended = passages.copy()
    split = np.array(counts) > 0
    if split.any():
        soft = _soft_maxima(sentences, np.array(counts)[split], _COSINES, _NUMBER_SHARE)
        blended[split] = (blended[split] + soft) / 2
    return blended


def combine_relevances(relevances: Floats, agreements: Floats, counts: Sequence[int]) -> Floats:
    """Combine what a pair model says of the sentences of each passage beside a query.

    Args:
        relevances: Of the sentences of each passage in turn; one for a passage that stands whole.
        agreements: Their log odds of equivalence against contradiction.
        counts: How many there are of each passage, 1 for one that stands whole.

    Returns:
        One a passage: the relevance alone where it stands whole; else the soft maximum of its
        sentences' and a share of that of their agreements.
    """
    numbers = np.array(counts)
    relevant = _soft_maxima(relevances, numbers, _RELEVANCES, _NUMBER_SHARE)
    limited = agreements.clip(-_AGREEMENT_LIMIT, _AGREEMENT_LIMIT)
    agreeing = _AGREEMENT_WEIGHT * _soft_maxima(limited, numbers, _AGREEMENTS, 1.0)
    combined: Floats = relevant + np.where(numbers > 1, agreeing, 0).astype(np.float32)
    return combined


def _soft_maxima(
    values: Floats, counts: NDArray[np.int64], temperature: float, number_share: float
) -> Floats:
    """Return the soft maximum of each run of values; of a single value it is that value.

    Args:
        values: All runs, one behind the other.
        counts: Length of each run, at least 1.
        temperature: Values that differ by this much weigh as 1 to e.
        number_share: Share of the logarithm of a run's length that is taken off.
    """
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    summed = np.logaddexp.reduceat(values.astype(np.float64) / temperature, starts)
    soft = temperature * (summed - number_share * np.log(counts))
    return soft.astype(np.float32)

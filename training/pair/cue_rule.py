"""What counting words can tell: negation and hedge cues on both sides, and shared words.

The baseline that shows what a model knows beyond "one of the two says *not*".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from service.cues import find_cues

FEATURES = (
    "negation cues of both",
    "their difference",
    "whether their sum is odd",
    "hedge cues of both",
    "their difference",
    "share of words in common",
    "difference of the numbers of words",
)
WORD = re.compile(r"\w+")


def cue_features(pairs: Sequence[tuple[str, str]]) -> NDArray[np.float64]:
    """Count, the same whatever the order of a pair; (pairs, `FEATURES`)."""
    return np.array([features_of(first, second) for first, second in pairs], dtype=np.float64)


def features_of(first: str, second: str) -> tuple[float, ...]:
    """The features of one pair."""
    negations, hedges = zip(count_cues(first), count_cues(second), strict=True)
    words = [WORD.findall(text.lower()) for text in (first, second)]
    own, other = map(set, words)
    return (
        sum(negations),
        abs(negations[0] - negations[1]),
        sum(negations) % 2,
        sum(hedges),
        abs(hedges[0] - hedges[1]),
        len(own & other) / max(len(own | other), 1),
        abs(len(words[0]) - len(words[1])),
    )


def count_cues(text: str) -> tuple[int, int]:
    """Negation cues of a text, of any kind, and its hedge cues."""
    kinds = [cue.kind for cue in find_cues(text)]
    hedges = kinds.count("hedge")
    return len(kinds) - hedges, hedges

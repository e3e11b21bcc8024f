"""Words of a text, as the shortcuts that understand nothing see them."""

from __future__ import annotations

import re

WORD = re.compile(r"\w+(?:'\w+)?")


def words(text: str) -> list[str]:
    """The words of a text in order, in lower case and without punctuation."""
    return WORD.findall(text.lower())


def overlap(first: str, second: str) -> float:
    """Jaccard similarity of the words of two texts."""
    left, right = set(words(first)), set(words(second))
    return len(left & right) / max(1, len(left | right))

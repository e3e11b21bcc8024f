"""Splits a passage into sentences, with their places.

The splitter is `sentencex`, whose time may grow with the square of what it is given, and which
holds the interpreter meanwhile. So it is given a window at a time, and the time grows linearly.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import sentencex

from service.span import Span

# Characters of a window, and so of the longest sentence. No model here reads many more of them at
# once; and the worst window of this size takes some hundredths of a second.
MAX_CHARACTERS = 2000

_SPACE = re.compile(r"\s+")

_LANGUAGE = "en"

# Letters, numbers, punctuation and symbols; not spaces, control characters and lone accents.
_CONTENT = frozenset("LNPS")
_REPLACEMENT = "\ufffd"  # stands where no character could be decoded


def split_sentences(passage: str) -> Iterator[Span]:
    """Yield the sentences of a text in order, without the white space around them.

    Pieces without content are left out, so a text without any yields nothing. A sentence over
    `MAX_CHARACTERS` is cut, between words where it has any.
    """
    start = 0
    while (start := _skip_space(passage, start)) < len(passage):
        window = passage[start : start + MAX_CHARACTERS]
        whole = start + len(window) == len(passage)
        for length in _complete(window, whole=whole):
            sentence = _trimmed(passage, start, start + length)
            start += length
            if has_content(sentence.text):
                yield sentence


def has_content(text: str) -> bool:
    """Whether a text holds anything that can be read."""
    return any(
        unicodedata.category(character)[0] in _CONTENT and character != _REPLACEMENT
        for character in text
    )


def _skip_space(passage: str, start: int) -> int:
    space = _SPACE.match(passage, start)
    return space.end() if space else start


def _complete(window: str, *, whole: bool) -> list[int]:
    """Return the lengths of a window's sentences, without the last, which may go on behind it."""
    lengths = [
        boundary["end_index"] - boundary["start_index"]
        for boundary in sentencex.get_sentence_boundaries(_LANGUAGE, window)
    ]
    if whole:
        return lengths or [len(window)]
    return lengths[:-1] or [_last_space(window)]


def _last_space(window: str) -> int:
    """Return where to cut a window that is all one sentence: behind its last white space."""
    words = window.rstrip().rsplit(maxsplit=1)
    if len(words) < 2:
        return len(window)
    return len(window.rstrip()) - len(words[1])


def _trimmed(passage: str, start: int, end: int) -> Span:
    piece = passage[start:end]
    begin = start + len(piece) - len(piece.lstrip())
    return Span.of(passage, begin, begin + len(piece.strip()))

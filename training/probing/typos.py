"""Typing errors: letters swapped, left out or doubled, in words that neither negate nor hedge."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from service.cues import find_cues
from training.probing.cues import keeps_cues

# Words long enough to be read with an error; no names, whose letters nothing else tells.
WORD = re.compile(r"\b[a-z]{5,}\b")
# A text of ten such words gets one error or two: 15 percent of them, and at least one.
SHARE = 0.15


def with_typos(text: str, *, seed: int = 0) -> str:
    """A text with errors in some of its longer words; the same each time.

    A word keeps its first and last letter, and every cue of negation or hedging stays as it is,
    and none is added. A text without a word to spoil comes back as it was.

    Args:
        text: Any text.
        seed: Other seeds give other errors.
    """
    rng = random.Random(f"{seed} {text}")
    cues = [(cue.start, cue.end) for cue in find_cues(text)]
    words = [
        word
        for word in WORD.finditer(text)
        if not any(word.start() < end and start < word.end() for start, end in cues)
    ]
    chosen = rng.sample(words, min(len(words), max(1, round(SHARE * len(words)))))
    # From the end, so that the places of the words before stay right.
    for word in sorted(chosen, key=lambda word: word.start(), reverse=True):
        spoiled = rng.choice(ERRORS)(word.group(), rng.randrange(1, len(word.group()) - 2))
        changed = text[: word.start()] + spoiled + text[word.end() :]
        if keeps_cues(text, changed):
            text = changed
    return text


def swap(word: str, place: int) -> str:
    """Swap a letter and the next one."""
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def omit(word: str, place: int) -> str:
    """Leave a letter out."""
    return word[:place] + word[place + 1 :]


def double(word: str, place: int) -> str:
    """Type a letter twice."""
    return word[: place + 1] + word[place:]


ERRORS: tuple[Callable[[str, int], str], ...] = (swap, omit, double)

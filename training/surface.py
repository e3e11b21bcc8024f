"""Changes of a text's surface that leave its meaning: slips of typing, and of word order.

Words that negate or hedge (`service.cues`) are never touched, and none comes in by a slip; no slip
makes a word of the corpus out of another.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from functools import cache

from service.cues import find_cues
from training import corpus
from training.words import words

KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
# Words long enough to be read in spite of a slip, and no names: another letter is another name.
LONG = re.compile(r"\b[a-z]{5,}\b")
ARTICLE = re.compile(r"\b(the|an?) ([a-z]+)(?![\w'\u2019-])")
# A short adverbial before a main clause of one part, which may as well stand after it.
FRONTED = re.compile(
    r"(?P<adverbial>(?:In|On|At|During|After|Before|Since|By|Throughout|Within)(?: [\w'-]+){1,5}), "
    r"(?P<clause>[\w'-]+(?: [\w'-]+){3,})\."
)
PARTS = re.compile(r"\b(?:and|or|but|so|that|who|which|when|while|because)\b")
# Share of the texts in which an article is typed after its noun, slips a text at most, and how
# often a text is tried.
SWAPPED, SLIPS, TRIES = 0.25, 2, 5


def slipped(text: str, rng: random.Random) -> str | None:
    """A text as it may be typed in haste: slips in one or two words, and words in another order.

    Args:
        text: A sentence.
        rng: Chooses the slips.

    Returns:
        None where no slip was found that leaves every cue of the text as it is.
    """
    before = cues(text)
    for _ in range(TRIES):
        changed = mistyped(moved(text), rng)
        if rng.random() < SWAPPED:
            changed = swapped(changed, rng)
        if changed != text and cues(changed) == before:
            return changed
    return None


def cues(text: str) -> list[str]:
    """The negation and hedge cues of a text, in alphabetical order."""
    return sorted(cue.text for cue in find_cues(text))


def moved(text: str) -> str:
    """Put an adverbial from before the main clause after it.

    A text with a cue stays as it is: "for a year it was not open" is not "it was not open for a
    year".
    """
    found = FRONTED.fullmatch(text)
    if found is None or PARTS.search(text) or find_cues(text):
        return text
    adverbial, clause = found["adverbial"], found["clause"]
    return f"{clause[0].upper()}{clause[1:]} {adverbial[0].lower()}{adverbial[1:]}."


def swapped(text: str, rng: random.Random) -> str:
    """Type one article after its noun."""
    articles = list(ARTICLE.finditer(text))
    if not articles:
        return text
    found = rng.choice(articles)
    return f"{text[: found.start()]}{found[2]} {found[1]}{text[found.end() :]}"


def mistyped(text: str, rng: random.Random) -> str:
    """Mistype up to `SLIPS` words, none of which is part of a cue."""
    kept = [(cue.start, cue.end) for cue in find_cues(text)]
    free = [found for found in LONG.finditer(text) if not touches(found.span(), kept)]
    chosen = rng.sample(free, min(len(free), rng.randint(1, SLIPS)))
    # From the end, so that the places of those before stay what they are.
    for found in sorted(chosen, key=lambda match: -match.start()):
        slip = mistype(found[0], rng)
        if slip not in known_words():
            text = text[: found.start()] + slip + text[found.end() :]
    return text


def touches(span: tuple[int, int], others: Sequence[tuple[int, int]]) -> bool:
    """Whether a span of characters overlaps with another."""
    return any(span[0] < end and start < span[1] for start, end in others)


def mistype(word: str, rng: random.Random) -> str:
    """Strike a key beside the right one, leave a letter out, type it twice, or too early.

    The first letter stays: slips there are rare, and cost the reader most.
    """
    place = rng.randrange(1, len(word) - 1)
    before, letter, after = word[:place], word[place], word[place + 1 :]
    slips = (
        before + rng.choice(beside(letter)) + after,
        before + after,
        before + letter + letter + after,
        before + after[0] + letter + after[1:],
    )
    return rng.choice(slips)


@cache
def beside(letter: str) -> str:
    """The letters whose keys touch that of a letter; each row stands half a key to the right."""
    row = next(number for number, keys in enumerate(KEYBOARD) if letter in keys)
    column = KEYBOARD[row].index(letter)
    above, own, below = ("", *KEYBOARD, "")[row : row + 3]
    left = max(0, column - 1)
    return (
        own[left:column]
        + own[column + 1 : column + 2]
        + above[column : column + 2]
        + below[left : column + 1]
    )


@cache
def known_words() -> frozenset[str]:
    """Every word of the training rows, in lower case."""
    texts = [text for group in corpus.groups("train") for text in (group.anchor, *group.same)]
    texts += [text for group in corpus.groups("train") for text in group.negated]
    texts += [text for row in corpus.contrasts("train") for text in (row.doc_a, row.doc_b)]
    return frozenset(word for text in texts for word in words(text))

"""Denials made by one word: a statement with a word turned into its antonym.

The antonyms are data (`data/antonyms.toml`). What makes the result a contradiction, and not just
another statement, is where a word may be exchanged: in a plain statement, whose truth hangs on it.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from service.cues import find_cues
from training.config import read_toml
from training.corpus import DATA

ANTONYMS = DATA / "antonyms.toml"

# Before a predicate: a form of "be" or the like, and perhaps an adverb of degree or time.
LINKED = (
    r"\b(?:is|are|was|were|am|be|been|remains?|remained|stays?|stayed|becomes?|became)"
    r"(?: (?:very|quite|fully|completely|entirely|still|now|already|again))? "
)
# After a predicate: its end, or what adds to it, but no noun that it would belong to.
ENDED = (
    r"(?=[.,;:!?]|$"
    r"| (?:to|for|in|on|at|with|from|of|and|but|again|today|now|during|all|every)\b)"
)
# Where a word of a table of the lexicon may stand.
PLACES = {
    "predicates": rf"{LINKED}({{words}}){ENDED}",
    "comparatives": r"\b({words}) than\b",
    "words": r"\b({words})\b",
}
# "Some doors are open" and "some doors are closed" may both be true, and so may two statements
# under different conditions; "any more" wants a negation. Texts with such words are left alone.
DEPENDENT = re.compile(
    r"\b(?:some|several|many|few|most|various|certain|sometimes|often|occasionally|usually|half"
    r"|there|another|other|others|either|or|if|when|whenever|where|while|whether|who|which|that"
    r"|whose|because|since|although|though|until|unless|before|after|so|between|one of|at least"
    r"|any|anything|anybody|anyone|anywhere|ever|yet|at all)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Exchange:
    """A word of a text, by its place, and what may stand there instead."""

    start: int
    end: int
    antonyms: tuple[str, ...]


def substituted(text: str, rng: random.Random) -> str | None:
    """Turn one word of a statement into its antonym.

    Args:
        text: A sentence.
        rng: Chooses the word, and one of its antonyms.

    Returns:
        None where no word can be exchanged such that both statements cannot be true: the text
        negates, hedges or depends on something, or the lexicon has none of its words.
    """
    found = list(exchanges(text))
    if not found:
        return None
    chosen = rng.choice(found)
    word = rng.choice(chosen.antonyms)
    word = word[0].upper() + word[1:] if text[chosen.start].isupper() else word
    return f"{text[: chosen.start]}{word}{text[chosen.end :]}"


def exchanges(text: str) -> Iterator[Exchange]:
    """The words of a statement whose antonym contradicts it."""
    if DEPENDENT.search(text):
        return
    cues = find_cues(text)
    for pattern, antonyms in lexicon():
        for found in pattern.finditer(text):
            start, end = found.span(1)
            # Under another word's negation, two antonyms may both be true.
            if all(start <= cue.start and cue.end <= end for cue in cues):
                yield Exchange(start, end, antonyms[found[1].lower()])


@cache
def lexicon() -> list[tuple[re.Pattern[str], Mapping[str, tuple[str, ...]]]]:
    """Each table of the lexicon: where its words may stand, and the antonyms of each."""
    return [(pattern(table, pairs), pairs) for table, pairs in read_antonyms(ANTONYMS).items()]


def pattern(table: str, words: Mapping[str, tuple[str, ...]]) -> re.Pattern[str]:
    """A pattern whose first group is a word of a table."""
    return re.compile(PLACES[table].format(words="|".join(sorted(words))), re.IGNORECASE)


def read_antonyms(path: Path) -> dict[str, dict[str, tuple[str, ...]]]:
    """Read the antonyms of each word, by table.

    Raises:
        ValueError: The file is not TOML, lacks a table or has an unknown one, or a pair is none;
            the message names the file and the place.
    """
    tables = read_toml(path)
    if set(tables) != set(PLACES):
        raise ValueError(f"{path}: the tables are not {', '.join(PLACES)}")
    read: dict[str, dict[str, tuple[str, ...]]] = {}
    for table, content in tables.items():
        antonyms: dict[str, list[str]] = defaultdict(list)
        for pair in content["pairs"]:
            if len(both := pair.split(" / ")) != 2:
                raise ValueError(f"{path}: {table}: {pair!r} is not of the form 'open / closed'")
            for word, antonym in (both, both[::-1]):
                antonyms[word].append(antonym)
        read[table] = {word: tuple(found) for word, found in antonyms.items()}
    return read

"""Find the words that negate or hedge, with their place in the text.

The words are data (`data/cues.toml`); this module knows only how an entry is matched.
It finds cues, not their scope: which statement a cue turns around is the pair model's business.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Literal, NamedTuple, get_args

Kind = Literal["explicit", "affixal", "implicit", "quantifier", "exclusion", "hedge"]

_FALSE_FRIENDS = "false_friends"
_NUMBER = "0"  # stands for any number in an entry

_APOSTROPHES = "'`\u2018\u2019\u02bc\u00b4\uff07"
_HYPHENS = "-\u2010\u2011"
_PLAIN = str.maketrans(dict.fromkeys(_APOSTROPHES, "'") | dict.fromkeys(_HYPHENS, "-"))

# A word keeps its hyphenated parts and a closing 't, so that "don't" and "non-fatal" are one word.
# Decomposed accents belong to their letter. Every repeat is possessive: no input makes it go back.
_LETTERS = r"(?:[^\W_]|[\u0300-\u036f])++"
_WORD = re.compile(rf"{_LETTERS}(?:[{_HYPHENS}]{_LETTERS}|[{_APOSTROPHES}][tT]\b)*+")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Cue:
    """One cue in a text.

    Attributes:
        text: The cue as it is written there, `source[start:end]`.
        kind: What sort of cue it is; the sorts are described in `data/cues.toml`.
        start: Offset of its first character, in Python string indices.
        end: Offset after its last character.
    """

    text: str
    kind: Kind
    start: int
    end: int


class _Entry(NamedTuple):
    length: int  # words of the cue; those of its context are not counted
    kind: Kind | None  # None: a false friend


@dataclass(slots=True)
class _Node:
    """Entries as a tree: a branch is what stands before a word, and the word."""

    branches: dict[str, _Node] = field(default_factory=dict)
    entry: _Entry | None = None


class _Lexicon(NamedTuple):
    root: _Node
    prefixes: dict[str, Kind]
    suffixes: dict[str, Kind]


def find_cues(text: str) -> list[Cue]:
    """Find the negation and hedge cues of an English text.

    The time taken grows linearly with the text, whatever it holds.

    Args:
        text: Any text; words of other languages that look like English cues are taken for them.

    Returns:
        The cues in the order of their start; no two overlap.
    """
    lexicon = _load_lexicon()
    words = list(_WORD.finditer(text))
    cues: list[Cue] = []
    position = 0
    while position < len(words):
        length, kind = _match_at(position, text, words, lexicon)
        if kind is not None:
            start, end = words[position].start(), words[position + length - 1].end()
            cues.append(Cue(text[start:end], kind, start, end))
        position += length
    return cues


def _match_at(position: int, text: str, words: list[re.Match[str]], lexicon: _Lexicon) -> _Entry:
    """Return the longest entry that begins at a word, else what the word's affixes say."""
    nodes = [lexicon.root]
    longest: _Entry | None = None
    end = words[position].start()
    for index in range(position, len(words)):
        word = words[index]
        keys = _keys(text[end : word.start()], word.group())
        nodes = [node.branches[key] for node in nodes for key in keys if key in node.branches]
        if not nodes:
            break
        longest = next((node.entry for node in nodes if node.entry), longest)
        end = word.end()
    return longest or _Entry(1, _affix_kind(words[position].group(), lexicon))


def _keys(gap: str, word: str) -> list[str]:
    """Name the branches that a word takes: as written, in small letters, as a number."""
    before = gap if gap == " " else _SPACE.sub(" ", gap.translate(_PLAIN))
    plain = word.translate(_PLAIN)
    if plain[0].isdigit():
        return [before + plain, before + _NUMBER]
    return [before + plain] if plain.islower() else [before + plain, before + plain.lower()]


def _affix_kind(word: str, lexicon: _Lexicon) -> Kind | None:
    word = word.translate(_PLAIN).lower()
    for prefix, kind in lexicon.prefixes.items():
        if word.startswith(prefix) and word != prefix:
            return kind
    for suffix, kind in lexicon.suffixes.items():
        if word.endswith(suffix) and word != suffix:
            return kind
    return None


@cache
def _load_lexicon() -> _Lexicon:
    source = files("service").joinpath("data/cues.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(source)
    lexicon = _Lexicon(_Node(), {}, {})
    for kind in get_args(Kind):
        lexicon.prefixes.update(dict.fromkeys(tables[kind].get("prefixes", ()), kind))
        lexicon.suffixes.update(dict.fromkeys(tables[kind].get("suffixes", ()), kind))
    for kind in (*get_args(Kind), None):
        for entry in tables[kind or _FALSE_FRIENDS]["entries"]:
            for written in _expand(entry):
                _plant(written, kind, lexicon.root)
    return lexicon


def _plant(written: str, kind: Kind | None, root: _Node) -> None:
    cue, _, context = written.partition(" | ")
    line = f"{cue} {context}"
    words = list(_WORD.finditer(line))
    gaps = ["", *(line[left.end() : right.start()] for left, right in pairwise(words))]
    node = root
    for gap, word in zip(gaps, words, strict=True):
        node = node.branches.setdefault(gap + word.group(), _Node())
    node.entry = _Entry(len(_WORD.findall(cue)), kind)


def _expand(entry: str) -> Iterator[str]:
    """Write out the alternatives of an entry, as a shell does: `lack{,s}` is lack and lacks."""
    head, _, rest = entry.partition("{")
    options, _, tail = rest.partition("}")
    for option in options.split(","):
        for ending in _expand(tail) if tail else ("",):
            yield head + option + ending

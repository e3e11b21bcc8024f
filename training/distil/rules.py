"""What a row must keep to beyond its schema; each rule tells in a line how a row breaks it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise

from training.distil.schemas import Exclusion, Graded, Negatives, Retrieval, Row, Sentence
from training.distil.text import normalised
from training.words import overlap, words

# A name of a slot that no text of ours would hold before a colon or bracket.
NAMED = re.compile(
    r"\b(?:negated|negation|hedged|paraphrased?|anchor|(?:hard|medium|easy)[ -]negatives?"
    r"|(?:non-)?entailment|contradiction|violating|doc(?:ument)?[ _][ab]|query[ _][ab])"
    r"\s*\d*\s*[:=\])]",
    re.IGNORECASE,
)
# A name that is an ordinary word as well, so that it tells only where it starts a text.
STARTED = re.compile(
    r"^\W*(?:\d+\W+)?(?:same|positive|negative|neutral|relevant|irrelevant|hedge|query|passage|label|text"
    r"|contradicts?|similarity|original)\s*\d*\W*[:=\])]",
    re.IGNORECASE,
)
TAGGED = re.compile(
    r"[\[(<{](?:same|negated|hedged|neutral|positive|negative|paraphrase|contradiction|hard|medium"
    r"|easy)[\])>}]",
    re.IGNORECASE,
)
# Left over from a prompt: $domain, {seed}, [city].
PLACEHOLDER = re.compile(
    r"\$\{?(?:domain|register|pattern|seed|task|rows|queries)\b"
    r"|[\[{<](?:insert\b[^\]}>]*|(?:domain|register|pattern|seed|task|name|city|place|date|company"
    r"|person|country|number|year)(?: [a-z]+)?)[\]}>]",
    re.IGNORECASE,
)
# Share of the words that two passages of a contrast have in common, in order: 0.63 to 1.00 in the
# bundled corpus.
ALIKE = 0.6
# Lowest and highest stated similarity of each level, as the prompt says them.
LEVELS = {"hard": (0.7, 0.95), "medium": (0.4, 0.7), "easy": (0.0, 0.4)}


@dataclass(frozen=True)
class Rejection:
    """Why something was not kept.

    Args:
        rule: Name of the rule, for counting.
        reason: What is wrong, in a line.
        what: The row or reply itself, as far as it could be read.
    """

    rule: str
    reason: str
    what: object = None


class Seen:
    """The texts of earlier rows, by kind, so that a row is not taken twice."""

    def __init__(self, earlier: Mapping[str, Iterable[str]]) -> None:
        self._texts = {kind: set(map(normalised, texts)) for kind, texts in earlier.items()}

    def repeat(self, kind: str, row: Row) -> str | None:
        """How a row repeats an earlier one."""
        known = self._texts.get(kind, set())
        for slot in row.keys:
            if normalised(getattr(row, slot)) in known:
                return f"{slot} is that of an earlier row"
        return None

    def add(self, kind: str, row: Row) -> None:
        """Remember a row that was taken."""
        known = self._texts.setdefault(kind, set())
        known.update(normalised(text) for _, text in row.texts())


def broken(row: Row) -> Iterator[tuple[str, str]]:
    """The rules that a row breaks, each with how."""
    for name, rule in (*GENERAL, *OWN.get(type(row), ())):
        if (how := rule(row)) is not None:
            yield name, how


def length(row: Row) -> str | None:
    """Texts that are empty, cut short or run on."""
    for slot, text in row.texts():
        fewest, most = row.limits[slot.partition(".")[0]]
        count = len(words(text))
        if not fewest <= count <= most:
            return f"{slot} has {count} words, not {fewest} to {most}"
    return None


def duplicate(row: Row) -> str | None:
    """Two slots with one text."""
    found: dict[str, str] = {}
    for slot, text in row.texts():
        if (other := found.setdefault(normalised(text), slot)) != slot:
            return f"{slot} is {other} again"
    return None


def leak(row: Row) -> str | None:
    """A text that says its own label, or that kept a part of the prompt."""
    for slot, text in row.texts():
        for pattern in (NAMED, STARTED, TAGGED):
            if match := pattern.search(text):
                return f"{slot} names its label: {match[0].strip()!r}"
        if match := PLACEHOLDER.search(text):
            return f"{slot} has a place that was not filled: {match[0]!r}"
    return None


def separable(row: Sentence) -> str | None:
    """Word overlap alone tells what means the same from what contradicts."""
    same = [overlap(row.anchor, item.text) for item in row.same]
    negated = [overlap(row.anchor, item.text) for item in row.negated]
    if max(same) < min(negated):
        return "every negated text shares more words with the anchor than any same text"
    if min(same) > max(negated):
        return "every same text shares more words with the anchor than any negated text"
    return None


def unlike(row: Retrieval) -> str | None:
    """Passages that differ in more than a clause."""
    matcher = SequenceMatcher(None, words(row.doc_a), words(row.doc_b), autojunk=False)
    share = matcher.ratio()
    return f"the passages share {share:.0%} of their words in order" if share < ALIKE else None


def ungraded(row: Graded) -> str | None:
    """Stated similarities outside their level's band."""
    stated = {"hard": [row.hard], "medium": row.medium, "easy": [row.easy]}
    for level, negatives in stated.items():
        lowest, highest = LEVELS[level]
        for item in negatives:
            if not lowest <= item.similarity <= highest:
                return f"{level} is stated at {item.similarity:g}, not {lowest:g} to {highest:g}"
    means = [sum(item.similarity for item in items) / len(items) for items in stated.values()]
    if any(nearer <= farther for nearer, farther in pairwise(means)):
        return "the stated similarities do not fall from hard to easy"
    return None


def echo(row: Exclusion | Negatives) -> str | None:
    """A passage that only says the query again."""
    passages = row.violating + row.relevant if isinstance(row, Exclusion) else row.negatives
    query = normalised(row.query)
    if any(normalised(text).startswith(query) for text in passages):
        return "a passage starts with the query itself"
    return None


Rule = Callable[..., str | None]
GENERAL: tuple[tuple[str, Rule], ...] = (
    ("length", length),
    ("duplicate", duplicate),
    ("leak", leak),
)
OWN: Mapping[type[Row], tuple[tuple[str, Rule], ...]] = {
    Sentence: (("overlap", separable),),
    Retrieval: (("unlike", unlike),),
    Exclusion: (("echo", echo),),
    Graded: (("similarity", ungraded),),
    Negatives: (("echo", echo),),
}

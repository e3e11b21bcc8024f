"""Other orders of the same words: an opening phrase moved to the end of its sentence, or back."""

from __future__ import annotations

import re

from service.sentences import split_sentences
from training.probing.cues import keeps_cues, negation_cues

OPENING = (
    *("after", "although", "as", "at", "because", "before", "between", "by", "despite", "during"),
    *("for", "from", "if", "in", "on", "once", "since", "though", "throughout", "under", "until"),
    *("when", "whenever", "while", "with", "within"),
)
# What cannot open a sentence: it leans on what stands before ("..., keeping only a cast.").
LEANS = r"(?:and|but|or|so|then|which|who|whom|whose|\w+ing)\b"
OPENED = re.compile(
    rf"(?P<phrase>(?:{'|'.join(OPENING)})\b[^,;:]+), (?!{LEANS})(?P<rest>[^,;:]+)(?P<end>[.!])",
    re.IGNORECASE,
)
# Words that bring in a clause wherever they stand; "if" may ask, "once" and "after" may be adverbs.
CLOSING = ("although", "because", "when", "whenever", "while")
CLOSED = re.compile(
    rf"(?P<rest>[^,;:]*\w) (?P<phrase>(?:{'|'.join(CLOSING)}) [^,;:]+)(?P<end>[.!])"
)
# What, before such a word, holds the clause in its place.
HOLDS = re.compile(
    r"\b(?:not|just|only|even|except|and|but|or|than|as|know|knows|knew|say|says|said|time|day)$",
    re.IGNORECASE,
)
# Words that lose their capital when they no longer open a sentence; of others it may be a name's.
LOWERED = frozenset(
    (
        *OPENING,
        *("a", "an", "the", "this", "that", "these", "those", "it", "he", "she", "we", "they"),
        *("you", "my", "your", "his", "her", "its", "our", "their", "there", "no", "not", "never"),
        *("nobody", "nothing", "none", "neither", "all", "both", "each", "every", "few", "most"),
        *("many", "some", "someone", "somebody", "one", "two", "three"),
    )
)


def reordered(text: str) -> str:
    """A text with its sentences' opening phrases at the end, and closing clauses at the start.

    Every cue of negation or hedging stays as it is. A clause moves to the front only where no
    negation stands in the sentence, for it might reach the one and not the other ("did not leave
    because ..."). A text without such a phrase comes back as it was.
    """
    pieces = []
    done = 0
    for sentence in split_sentences(text):
        moved = move(sentence.text)
        pieces += [text[done : sentence.start], moved]
        done = sentence.end
    changed = "".join((*pieces, text[done:]))
    return changed if keeps_cues(text, changed) else text


def move(sentence: str) -> str:
    """A sentence in another order, or as it was."""
    if opened := OPENED.fullmatch(sentence):
        phrase, rest, end = opened.group("phrase", "rest", "end")
        return f"{capital(rest)}, {small(phrase)}{end}"
    closed = CLOSED.fullmatch(sentence)
    if closed and not HOLDS.search(closed["rest"]) and not negation_cues(sentence):
        rest, phrase, end = closed.group("rest", "phrase", "end")
        return f"{capital(phrase)}, {small(rest)}{end}"
    return sentence


def capital(text: str) -> str:
    """A text with a capital at its start."""
    return text[0].upper() + text[1:]


def small(text: str) -> str:
    """A text with a small letter at its start, unless that may be a name's."""
    word = text.partition(" ")[0]
    return text[0].lower() + text[1:] if word.lower() in LOWERED else text

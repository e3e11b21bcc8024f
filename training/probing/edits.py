"""Edits that turn what a sentence says into its opposite: a negation taken out, or put in."""

from __future__ import annotations

import re

from service.sentences import split_sentences
from training.probing.cues import negation_cues
from training.probing.word_order import LOWERED, capital, small

# What stands in the place of a cue that is taken out. "never" and "not" leave nothing.
WITHOUT = {
    "not": "",
    "never": "",
    "no longer": "still",
    "not yet": "already",
    "cannot": "can",
    "can't": "can",
    "won't": "will",
    "shan't": "shall",
}
CONTRACTED = re.compile(
    r"(are|could|did|does|had|has|have|is|might|must|need|should|was|were|would)n't"
)
# "do not" goes with its auxiliary, which only the negation asks for; "does" and "did" hold the
# ending of the verb.
DO_NOT = re.compile(r"\bdo(?: not|n't) ", re.IGNORECASE)
BE = "am|is|are|was|were"
MODAL = "will|would|should|must|can"
# Forms of "have" are auxiliaries only before a participle.
PARTICIPLE = r"(?:been|made|had|done|gone|come|paid|kept|\w+ed|\w+en)"
AUXILIARY = re.compile(rf"\b(?:{BE}|{MODAL}|(?:has|have|had)(?= {PARTICIPLE}\b))\b")
# Words that would hang in the air behind a cue that is gone ("is any more", "has even opened").
LICENSED = re.compile(
    r"\b(?:at all|any|any ?more|anyone|anything|anybody|anywhere|ever|either|until|till|once|even"
    r"|yet|but|let alone|one|a single)\b",
    re.IGNORECASE,
)
# Before the auxiliary: a clause of another verb, or a quantity that "not" would not deny.
ELSEWHERE = re.compile(
    r"\b(?:that|which|who|whom|whose|if|when|whenever|because|while|although|as|what|how|where|all"
    r"|every|everyone|both|each|some|someone|most|many|several|few|any|or|after|before|since|until"
    r"|once|though)\b|[,;:]",
    re.IGNORECASE,
)
DENIAL = "It is not true that"


def without_negation(text: str) -> str | None:
    """A text without its one negation cue, or None where it has another number or kind of them.

    Only words of grammar are taken out ("not", "never", "no longer", contractions), so that a
    sentence is left and no other word changes: "does not leak" becomes "does leak". Where a word
    behind the cue lives on the negation ("at all"), nothing is taken out.
    """
    cues = negation_cues(text)
    if len(cues) != 1 or LICENSED.search(text, cues[0].end):
        return None
    cue = cues[0]
    do_not = DO_NOT.search(text)
    if do_not and do_not.start() < cue.end and cue.start < do_not.end():
        return joined(text[: do_not.start()], "", text[do_not.end() :])
    instead = replacement(cue.text.lower().replace("\u2019", "'"))
    if instead is None:
        return None
    return joined(text[: cue.start], instead, text[cue.end :])


def replacement(cue: str) -> str | None:
    """What stands in the place of a cue, or None where it cannot be taken out by rule."""
    if contracted := CONTRACTED.fullmatch(cue):
        return contracted[1]
    return WITHOUT.get(cue)


def joined(before: str, middle: str, after: str) -> str:
    """Put three pieces of a text together, with single spaces and a capital at its start."""
    pieces = (before.rstrip(), middle, after.lstrip())
    text = " ".join(piece for piece in pieces if piece)
    text = re.sub(r" (?=[.,;:!?])", "", text)
    return capital(text) if not before and text else text


def with_negation(text: str) -> str | None:
    """A statement of one sentence with a negation put in, or None where no rule fits.

    "not" follows the auxiliary of the main clause where that can be told; else "It is not true
    that" goes before. Questions, fragments and statements that negate already are left alone.
    """
    sentences = list(split_sentences(text))
    if len(sentences) != 1 or not text.endswith(".") or negation_cues(text):
        return None
    auxiliary = AUXILIARY.search(text)
    if auxiliary and not ELSEWHERE.search(text[: auxiliary.start()]):
        verb = auxiliary.group()
        negated = "cannot" if verb == "can" else f"{verb} not"
        return text[: auxiliary.start()] + negated + text[auxiliary.end() :]
    if text.partition(" ")[0].lower() in LOWERED:
        return f"{DENIAL} {small(text)}"
    return None

"""Which words of a pair make it a contradiction: what the score loses when one is taken away."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from service.cues import Cue
from service.errors import InputTooLong, TooManyInputs
from service.span import Span

Side = Literal["a", "b"]
Pair = tuple[str, str]

# Digits of an effect after the point: what is smaller is rounding, and must not decide an order.
_DIGITS = 6

_CHUNK = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Occlusion:
    """A pair from which one word is taken away.

    Attributes:
        pair: Number of the pair.
        side: The text that the word stands in.
        word: The word, or the phrase that is one cue.
    """

    pair: int
    side: Side
    word: Span

    def apply(self, pair: Pair) -> Pair:
        """Return the pair without the word."""
        a, b = pair
        return (without(a, self.word), b) if self.side == "a" else (a, without(b, self.word))


@dataclass(frozen=True, slots=True)
class Effect:
    """What a word does to the contradiction score.

    Attributes:
        text: The word as it is written.
        start: Offset of its first character (code points).
        end: Offset after its last character.
        effect: The score with the word minus the score without it, from -1 to 1.
    """

    text: str
    start: int
    end: int
    effect: float


def find_words(text: str, cues: Sequence[Cue]) -> list[Span]:
    """Find the words of a text in their order; each cue is one, whatever words it has.

    Args:
        text: The text.
        cues: Its cues, in the order of their start.
    """
    words: list[Span] = []
    position = 0
    for cue in cues:
        words += _words_between(text, position, cue.start)
        words.append(Span(cue.text, cue.start, cue.end))
        position = cue.end
    words += _words_between(text, position, len(text))
    return words


def without(text: str, word: Span) -> str:
    """Return the text without a word, and without the second of the spaces it stood between."""
    before, after = text[: word.start], text[word.end :]
    if before[-1:].isspace() and after[:1].isspace():
        after = after[1:]
    return before + after


def occlude(
    words: Sequence[tuple[Sequence[Span], Sequence[Span]]], *, max_words: int, max_total: int
) -> list[Occlusion]:
    """Return every occlusion of some pairs: pair by pair, `a` before `b`, in the order of words.

    Args:
        words: The words of both texts, a pair each.
        max_words: Words of one pair.
        max_total: Words of all pairs.

    Raises:
        InputTooLong: A pair has too many words; `index` says which.
        TooManyInputs: All have too many; `index` says with which pair.
    """
    occlusions: list[Occlusion] = []
    for pair, (in_a, in_b) in enumerate(words):
        count = len(in_a) + len(in_b)
        if count > max_words:
            raise InputTooLong(
                f"`inputs` must have at most {max_words} words to be explained. Given: {count}",
                index=pair,
            )
        occlusions += [Occlusion(pair, "a", word) for word in in_a]
        occlusions += [Occlusion(pair, "b", word) for word in in_b]
        if len(occlusions) > max_total:
            raise TooManyInputs(
                f"`inputs`: with it the request has {len(occlusions)} words to explain"
                f" > maximum allowed batch size {max_total}",
                index=pair,
            )
    return occlusions


def explain(
    occlusions: Sequence[Occlusion], whole: Sequence[float], occluded: Sequence[float]
) -> list[dict[Side, list[Effect]]]:
    """Return the effect of each word, a pair each; the largest first, then by position.

    Args:
        occlusions: What was taken away.
        whole: The contradiction score of each pair.
        occluded: The contradiction score of each occlusion.
    """
    explanations: list[dict[Side, list[Effect]]] = [{"a": [], "b": []} for _ in whole]
    for occlusion, score in zip(occlusions, occluded, strict=True):
        word = occlusion.word
        effect = round(whole[occlusion.pair] - score, _DIGITS) + 0.0  # no minus before a zero
        explanations[occlusion.pair][occlusion.side].append(
            Effect(word.text, word.start, word.end, effect)
        )
    for explanation in explanations:
        for effects in explanation.values():
            effects.sort(key=lambda effect: (-abs(effect.effect), effect.start))
    return explanations


def _words_between(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield what white space divides, without the punctuation around it."""
    for chunk in _CHUNK.finditer(text, start, end):
        first, last = chunk.span()
        while first < last and _is_border(text[first]):
            first += 1
        while first < last and _is_border(text[last - 1]):
            last -= 1
        if first < last:
            yield Span.of(text, first, last)


def _is_border(character: str) -> bool:
    """Whether a character is punctuation, or controls and shows nothing."""
    return unicodedata.category(character)[0] in "PC"

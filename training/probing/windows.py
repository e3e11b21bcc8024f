"""Passages of a contrast cut to a number of tokens around the clause in which they differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from transformers import AutoTokenizer

from training import base, corpus


@dataclass(frozen=True)
class Tokens:
    """A passage and its tokens, without special ones.

    Args:
        text: The passage.
        offsets: Start and end of each token in the text, in characters.
        words: The number of the word that each token is a piece of.
    """

    text: str
    offsets: list[tuple[int, int]]
    words: list[int | None]

    @property
    def pieces(self) -> list[str]:
        """What each token covers."""
        return [self.text[start:end] for start, end in self.offsets]

    def cut(self, start: int, end: int) -> str:
        """The text from one token up to another, without a word that would be cut."""
        while 0 < start < end and self.words[start] == self.words[start - 1]:
            start += 1
        while start < end < len(self.words) and self.words[end] == self.words[end - 1]:
            end -= 1
        return self.text[self.offsets[start][0] : self.offsets[end - 1][1]] if start < end else ""


@dataclass(frozen=True)
class Difference:
    """Where the two passages of a contrast differ.

    Args:
        before: How many tokens they have in common at their start.
        after: How many, of the rest, at their end.
        lengths: How many tokens lie between, in the first and in the second.
    """

    before: int
    after: int
    lengths: tuple[int, int]

    @property
    def position(self) -> float:
        """The middle of it in the passage, 0 at the start and 1 at the end; mean of the two."""
        around = self.before + self.after
        return sum((self.before + own / 2) / (around + own) for own in self.lengths) / 2


class Cutter:
    """Cuts passages by the tokens of one tokenizer, the same for every encoder.

    Args:
        name: A base encoder, as `training.base` knows it.
    """

    def __init__(self, name: str) -> None:
        self.tokenizer: Any = AutoTokenizer.from_pretrained(base.folder(name))

    def tokens(self, text: str) -> Tokens:
        """Tokenize a passage, whatever its length."""
        found = self.tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        return Tokens(text, found["offset_mapping"], found.word_ids())

    def difference(self, contrast: corpus.Contrast) -> Difference:
        """Where the passages of a contrast differ, from the first such token to the last."""
        first, second = (self.tokens(doc).pieces for doc in (contrast.doc_a, contrast.doc_b))
        before = common(first, second)
        shorter = min(len(first), len(second)) - before
        after = min(common(first[::-1], second[::-1]), shorter)
        return Difference(
            before, after, (len(first) - before - after, len(second) - before - after)
        )

    def cut(self, contrast: corpus.Contrast, budget: int) -> corpus.Contrast:
        """A contrast with passages of at most so many tokens, around their difference.

        What they have in common is shared out evenly before and behind it, and what one side lacks
        goes to the other. Where the difference alone is longer, its start is kept.
        """
        where = self.difference(contrast)
        room = max(0, budget - max(where.lengths))
        left = min(where.before, max(room // 2, room - where.after))
        right = min(where.after, room - left)
        passages = [
            self.tokens(doc).cut(where.before - left, where.before + min(own, budget) + right)
            for doc, own in zip((contrast.doc_a, contrast.doc_b), where.lengths, strict=True)
        ]
        return corpus.Contrast(contrast.query_a, contrast.query_b, *passages)


def common(first: list[str], second: list[str]) -> int:
    """How many items two lists have in common from their start."""
    pairs = zip(first, second, strict=False)
    return next(
        (place for place, (one, other) in enumerate(pairs) if one != other),
        min(len(first), len(second)),
    )

"""Whether passages support or contradict a claim, told by their most decisive sentences."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from service.errors import EmptyInput, InputTooLong, TooManyInputs
from service.sentences import split_sentences
from service.span import Span

Verdict = Literal["contradicted", "supported", "mixed", "unclear"]

# The first relation that a sentence of a passage has beyond doubt is that of the passage.
_DECISIVE = ("contradiction", "equivalence", "hedge")
_OTHERWISE = "neutral"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a passage says of the claim.

    Attributes:
        relation: How it relates to the claim.
        sentence: Position of the sentence that says so.
    """

    relation: str
    sentence: int


class PassageSplitter:
    """Splits the passages of one request into sentences, and counts them.

    Args:
        max_sentences: Sentences of one passage.
        max_total: Sentences of all passages.
    """

    def __init__(self, *, max_sentences: int, max_total: int) -> None:
        self._max_sentences = max_sentences
        self._max_total = max_total
        self._passages = 0
        self._sentences = 0

    def split(self, passages: Sequence[str]) -> list[list[Span]]:
        """Split the next passages, each into at least one sentence.

        Raises:
            EmptyInput: A passage has no content; `index` says which of all.
            InputTooLong: A passage has too many sentences; `index` as above.
            TooManyInputs: All have too many; `index` says with which.
        """
        return [self._split(passage) for passage in passages]

    def _split(self, passage: str) -> list[Span]:
        number, most = self._passages, self._max_sentences
        sentences = list(islice(split_sentences(passage), most + 1))
        self._passages += 1
        self._sentences += len(sentences)
        if not sentences:
            raise EmptyInput("`inputs` cannot be empty", index=number)
        if len(sentences) > most:
            raise InputTooLong(f"`inputs` must have at most {most} sentences", index=number)
        if self._sentences > self._max_total:
            raise TooManyInputs(
                f"`inputs`: with it the request has {self._sentences} sentences"
                f" > maximum allowed batch size {self._max_total}",
                index=number,
            )
        return sentences


def find_decisive(scores: Sequence[Mapping[str, float]], threshold: float) -> Finding:
    """Return the relation of a passage, and the sentence that decides it.

    That is the sentence with the highest score for contradiction if contradiction is what the
    sentence is best at and the score reaches the threshold, else the one for equivalence, else the
    one for a hedge; and where none does the passage is neutral, and the sentence is the one with
    the highest score for that.

    Args:
        scores: Those of its sentences against the claim, at least one, by relation.
        threshold: Score under which no relation is named.
    """
    labels = [max(own, key=own.__getitem__) for own in scores]
    for relation in _DECISIVE:
        sure = [
            sentence
            for sentence, label in enumerate(labels)
            if label == relation and scores[sentence][relation] >= threshold
        ]
        if sure:
            return Finding(relation, max(sure, key=lambda sentence: scores[sentence][relation]))
    return Finding(_OTHERWISE, _best(scores, _OTHERWISE))


def give_verdict(relations: Collection[str]) -> Verdict:
    """Return what all passages together say of the claim."""
    contradicted, supported = "contradiction" in relations, "equivalence" in relations
    if contradicted and supported:
        return "mixed"
    if contradicted:
        return "contradicted"
    return "supported" if supported else "unclear"


def _best(scores: Sequence[Mapping[str, float]], relation: str) -> int:
    return max(range(len(scores)), key=lambda sentence: scores[sentence][relation])

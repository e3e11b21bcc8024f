"""The kinds of row that a language model is asked for, as the schemas that its replies must meet.

The fields are those of the bundled corpus (`training/data/README.md`); `graded` and `negatives` are
kinds of their own. What a schema cannot say is in `training.distil.rules`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

SamePattern = Literal[
    "paraphrase",
    "negated-antonym",
    "double-negation",
    "implicit",
    "scope-equivalent",
    "exclusive",
    "voice",
]
NegatedPattern = Literal[
    "verbal",
    "determiner",
    "adverb",
    "affixal",
    "lexical",
    "implicit",
    "quantifier",
    "scope",
    "exclusion",
    "counterfactual",
    "numeric-or-direction",
    "negation-removed",
    "role",
]
HedgedPattern = Literal["modal", "adverb", "evidential", "approximator", "conditional", "attitude"]
TwinPattern = Literal["exclusion", "reversal"]
Two = Field(min_length=2, max_length=2)


class Strict(BaseModel):
    """An object with these fields and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Row(Strict):
    """A row of some kind.

    `limits` gives the fewest and most words of each slot that holds text; `keys` are the slots
    that must not repeat those of an earlier row.
    """

    limits: ClassVar[Mapping[str, tuple[int, int]]]
    keys: ClassVar[tuple[str, ...]]

    def texts(self) -> Iterator[tuple[str, str]]:
        """Every text of the row with the name of its slot, such as `same.2`."""
        for slot in self.limits:
            value = getattr(self, slot)
            items = value if isinstance(value, list) else [value]
            for number, item in enumerate(items, start=1):
                name = f"{slot}.{number}" if isinstance(value, list) else slot
                yield name, item if isinstance(item, str) else item.text


class Same(Strict):
    """A text that is true exactly when the anchor is."""

    text: str
    pattern: SamePattern


class Negated(Strict):
    """A text that cannot be true together with the anchor."""

    text: str
    pattern: NegatedPattern


class Hedged(Strict):
    """A text that weakens the anchor to a possibility, report or condition."""

    text: str
    pattern: HedgedPattern


class Negative(Strict):
    """A text that does not answer a query, and how similar to the right one it is, from 0 to 1."""

    text: str
    similarity: Annotated[float, Field(ge=0, le=1)]


class Sentence(Row):
    """An anchor and texts in a known relation to it."""

    limits = dict.fromkeys(("anchor", "same", "negated", "hedged", "neutral"), (2, 50))
    keys = ("anchor",)

    anchor: str
    same: Annotated[list[Same], Field(min_length=3, max_length=5)]
    negated: Annotated[list[Negated], Field(min_length=4, max_length=6)]
    hedged: Annotated[list[Hedged], Field(min_length=1, max_length=2)]
    neutral: Annotated[list[str], Field(min_length=1, max_length=2)]


class Retrieval(Row):
    """Two passages alike but for one clause, and a query that each alone meets."""

    limits = dict.fromkeys(("doc_a", "doc_b"), (30, 180)) | dict.fromkeys(
        ("query_a", "query_b"), (3, 25)
    )
    keys = ("doc_a", "doc_b", "query_a", "query_b")

    doc_a: str
    doc_b: str
    query_a: str
    query_b: str
    pattern: str


class Exclusion(Row):
    """A query that excludes something, the query for just that, and two passages for each."""

    limits = dict.fromkeys(("query", "inclusion"), (3, 25)) | dict.fromkeys(
        ("relevant", "violating"), (10, 80)
    )
    keys = ("query", "inclusion")

    query: str
    inclusion: str
    relevant: Annotated[list[str], Two]
    violating: Annotated[list[str], Two]


class Twins(Row):
    """Two queries on one subject that differ in polarity alone, without passages."""

    limits = dict.fromkeys(("query_a", "query_b"), (3, 30))
    keys = ("query_a", "query_b")

    query_a: str
    query_b: str
    pattern: TwinPattern


class Graded(Row):
    """A query, what answers it, and four texts that do not, at three levels of similarity."""

    # After MGH (arXiv 2509.00842); its prompts were not found, so the levels are this project's.

    limits = {"query": (3, 80)} | dict.fromkeys(("positive", "hard", "medium", "easy"), (3, 220))
    keys = ("query", "positive")

    query: str
    positive: str
    hard: Negative
    medium: Annotated[list[Negative], Two]
    easy: Negative


class Negatives(Row):
    """A query that was given, and passages that seem to answer it."""

    # After "Don't Retrieve, Generate" (arXiv 2504.21015): from the query alone, without a corpus.

    limits: ClassVar[Mapping[str, tuple[int, int]]] = {"query": (1, 200), "negatives": (15, 220)}
    keys = ("query",)

    query: str
    negatives: Annotated[list[str], Field(min_length=4, max_length=4)]


@dataclass(frozen=True)
class Kind:
    """A kind of row.

    Args:
        row: Schema of one row.
        prefix: Start of the ids of its rows.
        fields: What its prompt must have a place for, beside the number of rows.
    """

    row: type[Row]
    prefix: str
    fields: tuple[str, ...]

    def reply_schema(self) -> dict[str, Any]:
        """JSON schema of a whole reply: an object with a list of rows."""
        rows: Any = list[self.row]  # type: ignore[name-defined]
        reply = create_model(f"{self.row.__name__}Reply", __base__=Strict, rows=(rows, ...))
        return reply.model_json_schema()


KINDS: Mapping[str, Kind] = {
    "sentence": Kind(Sentence, "sent", ("domain", "register", "pattern", "seed")),
    "retrieval": Kind(Retrieval, "retr", ("domain", "register", "pattern", "seed")),
    "exclusion": Kind(Exclusion, "excl", ("domain", "register", "pattern", "seed")),
    "twins": Kind(Twins, "twin", ("domain", "register", "pattern", "seed")),
    "graded": Kind(Graded, "grad", ("domain", "register", "task", "seed")),
    "negatives": Kind(Negatives, "nega", ("queries",)),
}

"""A question that a judge is asked: one text, and texts set against it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Literal

Kind = Literal["sentence", "retrieval", "exclusion"]
# Id of the row, the field of the text, and its place in the field.
Key = tuple[str, str, int]

RELEVANT, IRRELEVANT = "relevant", "irrelevant"


@dataclass(frozen=True)
class Candidate:
    """A text that is set against an anchor or a query.

    Args:
        field: Its field in the row; of contrasts, whose passages stand against two queries, with
            the query's, as in `query_a/doc_b`.
        index: Its place in the field.
        text: The text.
        label: What the row says that it is.
        pattern: How the row says that it was written.
    """

    field: str
    index: int
    text: str
    label: str
    pattern: str | None = None


@dataclass(frozen=True)
class Question:
    """A text of a row and all that is set against it.

    Args:
        kind: Kind of the row.
        row: Id of the row.
        where: File and line of the row.
        text: The anchor or query.
        candidates: The others; at least one.
    """

    kind: Kind
    row: str
    where: str
    text: str
    candidates: tuple[Candidate, ...]

    @property
    def relations(self) -> bool:
        """Whether relations are asked for, not relevance."""
        return self.kind == "sentence"

    @property
    def keys(self) -> list[Key]:
        """What names each candidate among all rows."""
        return [(self.row, item.field, item.index) for item in self.candidates]

    def pairs(self) -> list[tuple[str, str]]:
        """The pairs of texts."""
        return [(self.text, item.text) for item in self.candidates]

    def digest(self) -> str:
        """Of texts and patterns, so that a row that was edited is judged anew."""
        content = [self.text, *((item.text, item.pattern) for item in self.candidates)]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]

"""Rows of the corpus, read as questions for a judge."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from training.distil.text import first_fault
from training.judge.question import IRRELEVANT, RELEVANT, Candidate, Kind, Question

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]

# The relation that each field of a sentence row stands for.
RELATION_OF = {
    "same": "equivalence",
    "negated": "contradiction",
    "hedged": "hedge",
    "neutral": "neutral",
}


@dataclass(frozen=True)
class Skipped:
    """A row that is not judged, and why."""

    where: str
    reason: str
    what: str


@dataclass
class Rows:
    """What was read: questions in the order of the rows, and the rows that pose none."""

    questions: list[Question] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


class Stored(BaseModel):
    """A row as it is stored, as far as a judge needs it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: Text


class Patterned(BaseModel):
    """A text and how it was written."""

    text: Text
    pattern: str | None = None


class SentenceRow(Stored):
    """An anchor and texts in a known relation to it."""

    anchor: Text
    same: list[Patterned]
    negated: list[Patterned]
    hedged: list[Patterned]
    neutral: list[Text]

    def questions(self) -> Iterator[tuple[str, list[Candidate]]]:
        """The anchor against all its texts."""
        found = [
            Candidate(name, index, item.text, RELATION_OF[name], item.pattern)
            for name in ("same", "negated", "hedged")
            for index, item in enumerate(getattr(self, name))
        ]
        found += [
            Candidate("neutral", index, text, RELATION_OF["neutral"])
            for index, text in enumerate(self.neutral)
        ]
        yield self.anchor, found


class RetrievalRow(Stored):
    """Two passages, and a query that each alone meets."""

    query_a: Text
    query_b: Text
    doc_a: Text
    doc_b: Text
    pattern: str | None = None

    def questions(self) -> Iterator[tuple[str, list[Candidate]]]:
        """Each query against its own passage and the twin."""
        for query, own in (("query_a", "doc_a"), ("query_b", "doc_b")):
            yield (
                getattr(self, query),
                [
                    Candidate(
                        f"{query}/{name}",
                        0,
                        getattr(self, name),
                        RELEVANT if name == own else IRRELEVANT,
                        self.pattern,
                    )
                    for name in ("doc_a", "doc_b")
                ],
            )


class ExclusionRow(Stored):
    """A query that excludes something, passages that respect it and passages that do not."""

    query: Text
    relevant: Annotated[list[Text], Field(min_length=1)]
    violating: Annotated[list[Text], Field(min_length=1)]

    def questions(self) -> Iterator[tuple[str, list[Candidate]]]:
        """The query against all passages."""
        sides = (("relevant", RELEVANT), ("violating", IRRELEVANT))
        yield (
            self.query,
            [
                Candidate(name, index, text, label)
                for name, label in sides
                for index, text in enumerate(getattr(self, name))
            ],
        )


# A field that no other kind has, and the schema of a row.
KINDS: Mapping[Kind, tuple[str, type[SentenceRow | RetrievalRow | ExclusionRow]]] = {
    "sentence": ("anchor", SentenceRow),
    "retrieval": ("query_a", RetrievalRow),
    "exclusion": ("violating", ExclusionRow),
}


def read_rows(paths: Sequence[Path]) -> Rows:
    """Read files of rows; each holds one kind, and no id comes twice.

    Raises:
        ValueError: A file has no row that can be judged; the message tells what is wrong with its
            first one.
        OSError: A file cannot be read.
    """
    rows = Rows()
    seen: dict[str, str] = {}
    for path in paths:
        kind: Kind | None = None
        faults: list[Skipped] = []
        for number, line in numbered_lines(path):
            try:
                questions = questions_of(line, f"{path}:{number}", kind, seen)
            except ValueError as error:
                text = line.decode(errors="replace").rstrip("\n")
                faults.append(Skipped(f"{path}:{number}", str(error), text))
            else:
                kind = questions[0].kind
                rows.questions += questions
        if kind is None:
            first = f": {faults[0].where}: {faults[0].reason}" if faults else ""
            raise ValueError(f"{path} has no row that can be judged{first}")
        rows.skipped += faults
    return rows


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, with their numbers from 1."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, line


def questions_of(
    line: bytes, where: str, kind: Kind | None, seen: dict[str, str]
) -> list[Question]:
    """The questions that a row poses.

    Args:
        line: The row as JSON.
        where: File and line.
        kind: The kind of the file's rows, once it is known.
        seen: Where each id was; this row's is added.

    Raises:
        ValueError: The row cannot be judged; the message says why in a line.
    """
    content = parse(line)
    found = kind_of(content)
    if kind is not None and found != kind:
        raise ValueError(f"is a row of kind {found}, and the file's first is of kind {kind}")
    try:
        row = KINDS[found][1].model_validate(content)
    except ValidationError as error:
        raise ValueError(first_fault(error)) from None
    if (earlier := seen.setdefault(row.id, where)) != where:
        raise ValueError(f"its id {row.id} is that of {earlier}")
    questions = [
        Question(found, row.id, where, text, tuple(candidates))
        for text, candidates in row.questions()
        if candidates
    ]
    if not questions:
        raise ValueError("holds no text to judge")
    return questions


def parse(line: bytes) -> dict[str, Any]:
    """The object in a line.

    Raises:
        ValueError: There is none.
    """
    try:
        content = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"is no JSON: {error.msg}") from None
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None
    if not isinstance(content, dict):
        raise ValueError("is no object")
    return content


def kind_of(content: Mapping[str, Any]) -> Kind:
    """The kind of a row, by the field that it alone has.

    Raises:
        ValueError: It has none of them.
    """
    for kind, (mark, _) in KINDS.items():
        if mark in content:
            return kind
    marks = ", ".join(mark for mark, _ in KINDS.values())
    raise ValueError(f"is no row of the corpus: it has none of {marks}")

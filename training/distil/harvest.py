"""What the replies of a run came to: rows that keep to the rules, and rejections with a reason."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from pydantic import ValidationError

from training.corpus import read_jsonl
from training.distil.gathering import Gathering, begin, write_line
from training.distil.ledger import Entry
from training.distil.reply import rows_of
from training.distil.rules import Rejection, Seen, broken
from training.distil.schemas import KINDS, Negatives, Row
from training.distil.text import first_fault, normalised

NOT_TEXT = frozenset(("id", "kind", "domain", "pattern"))


class Harvest(Gathering[Row]):
    """Writes rows and rejections, into files that are begun anew: the ledger has it all."""

    def __init__(self, folder: Path, corpus: Path) -> None:
        rows = folder / "rows"
        rows.mkdir(parents=True, exist_ok=True)
        self._files: dict[str, TextIO] = {}
        self._rows = rows
        self._seen = Seen({kind: bundled_texts(corpus, kind) for kind in KINDS})
        super().__init__(folder / "rejected.jsonl", KINDS)
        for old in rows.glob("*.jsonl"):
            old.unlink()

    def close(self) -> None:
        """Close all files."""
        for file in self._files.values():
            file.close()
        super().close()

    def outcomes(self, entry: Entry) -> Iterator[Row | Rejection]:
        """The rows of a reply that are good, and a rejection for each that is not."""
        return sort_out(entry, self._seen)

    def keep(self, item: Row, entry: Entry) -> None:
        """Write a row."""
        write_line(self._file(entry.kind), record_of(item, entry))

    def _file(self, kind: str) -> TextIO:
        if kind not in self._files:
            self._files[kind] = begin(self._rows / f"{kind}.jsonl")
        return self._files[kind]


def sort_out(entry: Entry, seen: Seen) -> Iterator[Row | Rejection]:
    """The rows of a reply that are good, and a rejection for each that is not."""
    contents, fault = rows_of(entry.body)
    if fault is not None:
        yield fault
    elif len(contents) < entry.rows:
        yield Rejection("missing", f"{len(contents)} rows, not {entry.rows}")
    for content in contents:
        outcome = judge(content, entry, seen)
        if isinstance(outcome, Row):
            seen.add(entry.kind, outcome)
        yield outcome


def judge(content: Any, entry: Entry, seen: Seen) -> Row | Rejection:
    """A row, or the first reason against it."""
    try:
        row = KINDS[entry.kind].row.model_validate(content)
    except ValidationError as error:
        return Rejection("schema", first_fault(error), content)
    for rule, how in broken(row):
        return Rejection(rule, how, content)
    if isinstance(row, Negatives) and (miss := unasked(row, entry)):
        return Rejection("query", miss, content)
    if repeat := seen.repeat(entry.kind, row):
        return Rejection("repeat", repeat, content)
    return row


def unasked(row: Negatives, entry: Entry) -> str | None:
    """How negatives miss the queries that were given."""
    given = {normalised(item.query): item for item in entry.queries}
    item = given.get(normalised(row.query))
    if item is None:
        return "the query is none of those that were given"
    positive = normalised(item.positive or "")
    if positive and any(normalised(text) == positive for text in row.negatives):
        return "a negative is the passage that answers the query"
    return None


def record_of(row: Row, entry: Entry) -> dict[str, Any]:
    """A row as it is written: as in the bundled corpus, and where it is from."""
    content = row.model_dump()
    if isinstance(row, Negatives):
        content |= next(
            {"query": item.query} | ({"positive": item.positive} if item.positive else {})
            for item in entry.queries
            if normalised(item.query) == normalised(row.query)
        )
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:8]
    head: dict[str, Any] = {"id": f"{KINDS[entry.kind].prefix}-{digest}", "kind": entry.kind}
    if "domain" in entry.asked:
        head["domain"] = entry.asked["domain"]
    source = {"model": entry.model, "call": entry.call, "asked": entry.asked}
    return {**head, **content, "source": source}


def bundled_texts(corpus: Path, kind: str) -> Iterator[str]:
    """Every text of the rows of a kind that there are already.

    Raises:
        ValueError: A file has a line that is no JSON.
    """
    for path in sorted(corpus.glob(f"{kind}.*.jsonl")):
        try:
            for row in read_jsonl(path):
                yield from strings([row])
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}: a line is no JSON: {error.msg}") from None


def texts_in(row: Mapping[str, Any]) -> Iterator[Any]:
    """The values of a row that hold text."""
    return (value for key, value in row.items() if key not in NOT_TEXT)


def strings(values: Iterable[Any]) -> Iterator[str]:
    """All texts within nested lists and objects."""
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            yield from strings(texts_in(value))
        elif isinstance(value, list):
            yield from strings(value)

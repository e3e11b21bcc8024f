"""The ledger of a run: every reply that was paid for, written down before it is looked at."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from training.closing import Closing
from training.distil.plan import Call, Query
from training.distil.reply import Usage, usage_of
from training.distil.text import first_fault


@dataclass(frozen=True)
class Entry:
    """A reply and what it answers.

    Args:
        call: Id of the call.
        model: Who answered.
        kind: Kind of the rows.
        rows: How many were asked for.
        asked: What the places of the prompt were filled with.
        queries: The queries that were given.
        expected: What the call was reckoned to cost at most.
        retries: Tries that had failed before.
        body: The reply, as it came.
    """

    call: str
    model: str
    kind: str
    rows: int
    asked: dict[str, str]
    queries: tuple[Query, ...]
    expected: Usage
    retries: int
    body: str

    @property
    def usage(self) -> Usage:
        """What the reply cost."""
        return usage_of(self.body, self.expected)


@dataclass(frozen=True)
class Damage:
    """A line of the ledger that cannot be read, such as one that was being written at a kill."""

    line: int
    reason: str
    text: str


ENTRY = TypeAdapter(Entry)


class Ledger(Closing):
    """The file of all replies; open in one process at a time.

    Raises:
        ValueError: Another process has it open.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = open_alone(path)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __iter__(self) -> Iterator[Entry | Damage]:
        with self._path.open(encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    yield ENTRY.validate_json(line)
                except ValidationError as error:
                    yield Damage(number, first_fault(error), line.rstrip("\n"))

    def append(self, entry: Entry) -> None:
        """Write a reply down, to the disk, before anything else is done with it."""
        self._file.write(ENTRY.dump_json(entry).decode() + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())


def open_alone(path: Path) -> TextIO:
    """Open a file to add lines to it, in one process at a time.

    What comes next is kept apart from a line that was cut off.

    Raises:
        ValueError: Another process has it open.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise ValueError(f"{path} is in use: the run is going on in another process") from None
    content = path.read_bytes()
    if content and not content.endswith(b"\n"):
        file.write("\n")
        file.flush()
    return file


def entry_for(call: Call, model: str, expected: Usage, retries: int, body: str) -> Entry:
    """The entry of a reply to a call."""
    return Entry(
        call=call.id,
        model=model,
        kind=call.kind,
        rows=call.rows,
        asked=call.asked,
        queries=call.queries,
        expected=expected,
        retries=retries,
        body=body,
    )

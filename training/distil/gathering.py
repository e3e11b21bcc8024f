"""What comes of the replies of a run, whatever is asked for: kept, or rejected with a reason."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TextIO, TypeVar

from training.closing import Closing
from training.distil.ledger import Damage, Entry
from training.distil.reply import NOTHING, Usage
from training.distil.rules import Rejection

Item = TypeVar("Item")


@dataclass
class Yield:
    """What came of the replies to one kind."""

    replies: int = 0
    rows: int = 0
    retries: int = 0
    usage: Usage = NOTHING
    rejected: Counter[str] = field(default_factory=Counter)


class Gathering(Closing, Generic[Item]):
    """Counts replies, keeps what is good in them, and writes down the rest with its reason.

    Args:
        rejected: File of what is not kept; it is begun anew, since the ledger has it all.
        kinds: Kinds of reply.
    """

    unit = "row"
    """What a reply is asked for, as messages call one."""

    def __init__(self, rejected: Path, kinds: Iterable[str]) -> None:
        self._rejected = begin(rejected)
        self.yields = {kind: Yield() for kind in kinds}

    def close(self) -> None:
        """Close the file."""
        self._rejected.close()

    def take(self, entry: Entry) -> int:
        """Sort out a reply; how many items of it were kept."""
        result = self.yields[entry.kind]
        result.replies += 1
        result.retries += entry.retries
        result.usage += entry.usage
        kept = 0
        for outcome in self.outcomes(entry):
            if isinstance(outcome, Rejection):
                self.reject(entry.call, entry.kind, outcome)
            else:
                self.keep(outcome, entry)
                kept += 1
        result.rows += kept
        return kept

    @abstractmethod
    def outcomes(self, entry: Entry) -> Iterator[Item | Rejection]:
        """The items of a reply that are good, and a rejection for each that is not."""

    @abstractmethod
    def keep(self, item: Item, entry: Entry) -> None:
        """Keep a good item of a reply."""

    def reject(self, call: str, kind: str, rejection: Rejection) -> None:
        """Keep what was not taken, with its reason."""
        self.yields[kind].rejected[rejection.rule] += 1
        write_line(self._rejected, {"call": call, "kind": kind, **vars(rejection)})

    def lose(self, damage: Damage) -> None:
        """Keep a line of the ledger that cannot be read."""
        reason = f"line {damage.line} of the ledger: {damage.reason}"
        write_line(self._rejected, {"rule": "ledger", "reason": reason, "what": damage.text})


def begin(path: Path) -> TextIO:
    """Begin a file; half a surrogate pair, of a cut text, is written as JSON escapes it."""
    return path.open("w", encoding="utf-8", errors="backslashreplace")


def write_line(file: TextIO, record: Mapping[str, Any]) -> None:
    """Write a record as a line of JSON, so that it is in the file whatever comes next."""
    file.write(json.dumps(record, ensure_ascii=False) + "\n")
    file.flush()

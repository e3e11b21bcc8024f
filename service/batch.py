"""The entries that share a forward pass, and what comes of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic

from service.request import Entry, Item, Request
from service.vectors import Rows


@dataclass(frozen=True, slots=True)
class Batch(Generic[Item]):
    """Entries to run together, at least one.

    Attributes:
        entries: The entries, of any requests and in any order.
    """

    entries: list[Entry[Item]]

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self.entries)

    @property
    def tokens(self) -> int:
        """Tokens of the entries."""
        return sum(entry.length for entry in self.entries)

    @property
    def padded_tokens(self) -> int:
        """Tokens that are run, padding included."""
        return max(entry.length for entry in self.entries) * len(self.entries)

    def unsettled(self) -> Batch[Item]:
        """Return the batch without entries whose request has its answer; it may be empty."""
        return Batch([entry for entry in self.entries if not entry.request.settled])

    def halves(self) -> tuple[Batch[Item], Batch[Item]]:
        """Split a batch of two entries or more."""
        middle = len(self.entries) // 2
        return Batch(self.entries[:middle]), Batch(self.entries[middle:])


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Item]):
    """A batch that has been run.

    Attributes:
        batch: What was run.
        rows: One row an entry.
        faults: Positions of the rows that must not be served, each with what is wrong with it.
        seconds: How long it took.
    """

    batch: Batch[Item]
    rows: Rows
    faults: Mapping[int, str]
    seconds: float

    @property
    def all_faulty(self) -> bool:
        """Whether no row may be served: the engine may be at fault, and not the texts."""
        return len(self.faults) == len(self.batch)

    def fill_requests(self) -> list[Request[Item]]:
        """Hand the rows to their requests, and return those requests.

        Settled ones, those with a faulty row among them, are passed over.
        """
        positions: defaultdict[Request[Item], list[int]] = defaultdict(list)
        for position, entry in enumerate(self.batch.entries):
            if not entry.request.settled:
                positions[entry.request].append(position)
        for request, own in positions.items():
            entries = [self.batch.entries[position] for position in own]
            request.fill(entries, self.rows[own], seconds=self.seconds)
        return list(positions)

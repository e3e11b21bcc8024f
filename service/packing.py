"""What waits, and which of it makes the next batch. Pure bookkeeping: no clock, no tasks."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from service.batch_shape import BatchLimits, Shape, Side, nearest_first
from service.request import Entry, Item, Request

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

# Share of the allowance that a batch of bulk work may use.
_BULK_PADDING = 1 / 2
# A request is small that has at most this share of a batch's tokens.
_SMALL = 1 / 8


class Queue(Generic[Item]):
    """Waiting entries by length, and the clients and requests they belong to in turn.

    A batch grows from a seed, with the entries nearest to it in length.

    *Whose turn it is to seed*: the clients go round, and within a client its requests. Each in its
    turn seeds one batch with its oldest entry, and whoever seeded last stands behind everybody who
    has come in the meantime. So a lone text waits for the batch that is running and for one batch
    of each client that was there before it, however many requests or texts those have sent; and
    among n clients each gets every n-th batch, beside its entries that fill up the batches of
    others. No entry starves: a request of k entries among r of its client is through after k r
    turns of the client at the latest. First in, first out would make a single text wait for whole
    bulk requests; least-served-first would let a stream of newcomers hold a bulk request back for
    ever.

    *Small requests first*: where it is the turn of a bulk request and a small one waits, the oldest
    small request of the client whose turn is nearest seeds in its place, and that client stands
    behind all others then; at most every second batch is seeded so, out of turn. So a query waits
    for the batch that is running and hardly more, also among bulk requests of its own client. What
    a small request seeds, in turn or out of it, has room for all that waits of small requests, and
    for little bulk work beside it.

    *What goes with the seed*: padding costs what tokens cost, so an entry is taken only while the
    batch's padding stays under `padding_allowance`, which is what a forward pass of its own would
    cost, and a thirty-second part of the batch's real tokens. Otherwise a short text would be run
    at the width of a long one. Bulk work has half of the allowance: what it leaves behind meets
    others of its length, while a query that is left behind waits for a whole batch.

    Adding and removing cost a constant each, taking costs the batch and the distinct lengths.

    Args:
        limits: How much a batch may hold.

    Attributes:
        texts: Entries waiting.
        tokens: Their tokens, without padding.
    """

    def __init__(self, limits: BatchLimits) -> None:
        self.texts = 0
        self.tokens = 0
        self._limits = limits
        self._by_length: dict[int, _Alike[Item]] = {}
        self._lengths: list[int] = []  # ascending, those that wait
        self._clients: _Round[Hashable, _Client[Item]] = _Round()
        self._small_tokens = 0  # of small requests, waiting
        self._small_before = False  # whether the last batch was seeded out of turn

    def add(self, request: Request[Item]) -> None:
        """Let all entries of a request wait."""
        client = self._clients.waiting.setdefault(request.client, _Client())
        client.requests.waiting[request] = _Turn(len(request.entries))
        small = self._is_small(request)
        if small:
            client.small[request] = None
            self._small_tokens += request.tokens
        for entry in request.entries:
            entry.queued = True
            if entry.length not in self._by_length:
                self._by_length[entry.length] = _Alike()
                insort(self._lengths, entry.length)
            self._by_length[entry.length].add(entry, small=small)
        self.texts += len(request.entries)
        self.tokens += request.tokens

    def holds(self, client: Hashable) -> bool:
        """Whether something of this client waits."""
        return client in self._clients.waiting

    def remove(self, request: Request[Item]) -> int:
        """Take out what still waits of a request, and return how many entries that was."""
        if not self.holds(request.client):
            return 0
        if request not in self._client_of(request).requests.waiting:
            return 0
        left = [entry for entry in request.entries if entry.queued]
        for entry in left:
            self._take(entry)
        return len(left)

    def next_batch(self) -> list[Entry[Item]]:
        """Take out the entries of the next batch; none if none waits."""
        if not self._clients.waiting:
            return []
        seed = self._next_seed()
        limits = self._limits_for(seed)
        self._take(seed)
        return [seed, *self._companions(seed, limits)]

    def _next_seed(self) -> Entry[Item]:
        request = self._next_request()
        turn = self._client_of(request).requests.waiting[request]
        while not request.entries[turn.oldest].queued:
            turn.oldest += 1
        return request.entries[turn.oldest]

    def _next_request(self) -> Request[Item]:
        client = self._clients.first()
        request = self._clients.waiting[client].requests.first()
        if not self._small_before and not self._is_small(request):
            small = self._small_request()
            self._small_before = small is not None
            if small is not None:
                return small
        self._small_before = False
        self._clients.had(client)
        self._clients.waiting[client].requests.had(request)
        return request

    def _is_small(self, request: Request[Item]) -> bool:
        return request.tokens <= _SMALL * self._limits.max_batch_tokens

    def _small_request(self) -> Request[Item] | None:
        """Return a small request, if one waits, and let its client go behind all others."""
        for name, client in self._clients.waiting.items():
            if client.small:
                self._clients.waiting.move_to_end(name)
                return next(iter(client.small))
        return None

    def _limits_for(self, seed: Entry[Item]) -> BatchLimits:
        """Return the limits of the batch that an entry seeds."""
        limits = self._limits
        if self._is_small(seed.request):
            room = self._small_tokens + int(_SMALL * limits.max_batch_tokens)
            return replace(limits, max_batch_tokens=min(room, limits.max_batch_tokens))
        return replace(limits, padding_allowance=int(_BULK_PADDING * limits.padding_allowance))

    def _companions(self, seed: Entry[Item], limits: BatchLimits) -> list[Entry[Item]]:
        shape = Shape(limits, width=seed.length, texts=1, tokens=seed.length)
        companions: list[Entry[Item]] = []
        open_sides: set[Side] = {"shorter", "longer"}
        for side, length in nearest_first(tuple(self._lengths), seed.length):
            if side not in open_sides:
                continue
            waiting = self._by_length[length]
            for _ in range(shape.grow(length, len(waiting))):
                companions.append(entry := waiting.first())
                self._take(entry)
            if waiting:  # a length farther off on this side fits even less
                open_sides.discard(side)
            if not open_sides:
                break
        return companions

    def _take(self, entry: Entry[Item]) -> None:
        entry.queued = False
        self.texts -= 1
        self.tokens -= entry.length
        waiting = self._by_length[entry.length]
        waiting.remove(entry)
        if not waiting:
            del self._by_length[entry.length]
            del self._lengths[bisect_left(self._lengths, entry.length)]
        client = self._client_of(entry.request)
        turn = client.requests.waiting[entry.request]
        turn.waiting -= 1
        if entry.request in client.small:
            self._small_tokens -= entry.length
        if not turn.waiting:
            del client.requests.waiting[entry.request]
            client.small.pop(entry.request, None)
            if not client.requests.waiting:
                del self._clients.waiting[entry.request.client]

    def _client_of(self, request: Request[Item]) -> _Client[Item]:
        return self._clients.waiting[request.client]


class _Alike(Generic[Item]):
    """Waiting entries of one length, at least one: those of small requests first, then by age."""

    def __init__(self) -> None:
        self._small: OrderedDict[Entry[Item], None] = OrderedDict()
        self._bulk: OrderedDict[Entry[Item], None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._small) + len(self._bulk)

    def add(self, entry: Entry[Item], *, small: bool) -> None:
        """Let an entry wait behind its like."""
        (self._small if small else self._bulk)[entry] = None

    def remove(self, entry: Entry[Item]) -> None:
        """Take an entry out."""
        del (self._small if entry in self._small else self._bulk)[entry]

    def first(self) -> Entry[Item]:
        """Return whose turn it is."""
        return next(iter(self._small or self._bulk))


class _Round(Generic[Key, Value]):
    """Keys that take turns.

    Attributes:
        waiting: What each key stands for, in the order of their turns.
    """

    def __init__(self) -> None:
        # An OrderedDict stays fast at its front under removals, which a plain dict does not.
        self.waiting: OrderedDict[Key, Value] = OrderedDict()
        self._last: Key | None = None

    def first(self) -> Key:
        """Return whose turn it is, from at least one; the last goes behind all others first."""
        if self._last is not None and self._last in self.waiting:
            self.waiting.move_to_end(self._last)
        self._last = None
        return next(iter(self.waiting))

    def had(self, key: Key) -> None:
        """Note that a key has had its turn."""
        self._last = key


class _Client(Generic[Item]):
    """What waits of a client.

    Attributes:
        requests: All of its requests, which take turns.
        small: Those of them that are small, the oldest first.
    """

    def __init__(self) -> None:
        self.requests: _Round[Request[Item], _Turn] = _Round()
        self.small: OrderedDict[Request[Item], None] = OrderedDict()


@dataclass(slots=True)
class _Turn:
    """Where a request stands: how many of its entries wait, and a position before which none do."""

    waiting: int
    oldest: int = 0

"""Who asks: what is known of the request that the running task works for.

A context variable, because every model between a route and its queue would have to hand it on, and
none of them has a use for it.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field

from service.tracing import Tracing


@dataclass(frozen=True, slots=True)
class Caller:
    """A client's request.

    Attributes:
        client: What tells the client from others: the address of its end of the connection.
        request_id: The id that its response will carry.
        tracing: Takes note of what its texts go through.
    """

    client: str = ""
    request_id: str = ""
    tracing: Tracing = field(default_factory=Tracing)


_NOBODY = Caller()
_CALLER: ContextVar[Caller] = ContextVar("caller")


def current_caller() -> Caller:
    """Return whom the running task works for; one without a name outside of requests."""
    return _CALLER.get(_NOBODY)


def set_caller(caller: Caller) -> None:
    """Let the running task, and those that it makes, work for this caller."""
    _CALLER.set(caller)

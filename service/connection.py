"""uvicorn's HTTP protocol, with bounds on what a connection may cost before and after its request.

uvicorn bounds neither the bytes of a request's head nor the time it takes to come, nor how long a
client may leave its response unread. The body is bounded elsewhere: `BodyLimit`, `JsonRoute`.
"""

from __future__ import annotations

import asyncio
from asyncio import TimerHandle
from functools import partial
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

_TOO_LARGE = b"431 Request Header Fields Too Large"
_TOO_SLOW = b"408 Request Timeout"


class BoundedProtocol(HttpToolsProtocol):
    """One connection.

    Args:
        config: uvicorn's settings.
        server_state: What uvicorn's connections share.
        app_state: What the application's lifespan has left.
        _loop: The event loop, if it is not the running one.
        max_head_bytes: Bytes of a request's line and headers, together; over it comes a 431.
        head_timeout: Seconds that these may take, from the connection's start or from the request
            before; after it comes a 408, or just the end where no byte has come.
        send_timeout: Seconds for which a client may leave sent bytes unread; after it the
            connection is cut.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        max_head_bytes: int,
        head_timeout: float,
        send_timeout: float,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._max_head_bytes = max_head_bytes
        self._head_timeout = head_timeout
        self._send_timeout = send_timeout
        self._between = True  # whether no head, or no whole one, of the next request has come
        self._head_begun = False
        self._unparsed = 0  # bytes of a head that has begun and not ended, but for the first read
        self._parsed = 0  # bytes of the line, the headers and the trailers of this request
        self._head_timer: TimerHandle | None = None
        self._send_timer: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock of the first head."""
        super().connection_made(transport)
        self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop every clock."""
        self._stop(self._head_timer)
        self._stop(self._send_timer)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; a head that is too large or never ends is refused."""
        self._unparsed += len(data)
        super().data_received(data)
        if self.transport.is_closing() or not self._between:
            return
        if self._unparsed > self._max_head_bytes:
            self._refuse(_TOO_LARGE)
        elif self._head_timer is None:
            self._start_head_timer()

    def on_message_begin(self) -> None:
        """Count the bytes of this head alone."""
        self._head_begun = True
        self._unparsed = self._parsed = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Stop the clock of the head."""
        self._between = self._head_begun = False
        self._stop(self._head_timer)
        self._head_timer = None
        super().on_headers_complete()

    def on_url(self, url: bytes) -> None:
        """Bound the request's line."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Bound the headers, and the trailers of a body that comes in chunks."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_message_complete(self) -> None:
        """Wait for the next head."""
        self._between = True
        self._unparsed = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, unless it has been refused already."""
        if self._is_answering:
            self.transport.abort()
        elif not self.transport.is_closing():
            super().send_400_response(msg)

    def pause_writing(self) -> None:
        """Start the clock of a client that does not read."""
        super().pause_writing()
        if self._send_timer is None:
            self._send_timer = self.loop.call_later(self._send_timeout, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop that clock."""
        self._stop(self._send_timer)
        self._send_timer = None
        super().resume_writing()

    def _start_head_timer(self) -> None:
        self._head_timer = self.loop.call_later(self._head_timeout, self._head_is_late)

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self._is_answering:
            self._start_head_timer()  # an earlier request on this connection comes first
        elif self._head_begun:
            self._refuse(_TOO_SLOW)
        else:
            self.transport.close()

    def _count(self, size: int) -> None:
        self._parsed += size
        if self._parsed > self._max_head_bytes:
            self._refuse(_TOO_LARGE)
            raise ValueError("the head is too large")  # ends the parsing

    @property
    def _is_answering(self) -> bool:
        """Whether a request of this connection has no whole answer: what is written would be it."""
        return self.cycle is not None and not self.cycle.response_complete

    def _refuse(self, status: bytes) -> None:
        if self._is_answering:
            self.transport.abort()
        elif not self.transport.is_closing():
            head = b"HTTP/1.1 %s\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status
            self.transport.write(head)
            self.transport.close()

    @staticmethod
    def _stop(timer: TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()


def bounded_protocol(
    *, max_head_bytes: int, head_timeout: float, send_timeout: float
) -> type[asyncio.Protocol]:
    """Return what makes such connections, for `uvicorn.Config`; see `BoundedProtocol`."""
    made = partial(
        BoundedProtocol,
        max_head_bytes=max_head_bytes,
        head_timeout=head_timeout,
        send_timeout=send_timeout,
    )
    return cast(type[asyncio.Protocol], made)

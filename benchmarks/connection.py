"""An HTTP/1.1 client that costs little, so that it is the server that is measured.

A general client takes about as long for a request as a fast server does for its answer.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

_READ_LIMIT = 1 << 20  # bytes that a connection buffers


@dataclass(frozen=True)
class Address:
    """Where a server is.

    Attributes:
        host: Name or number.
        port: Its port.
        prefix: Path before all paths, without a slash at its end.
    """

    host: str
    port: int
    prefix: str = ""

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read `http://host:port/prefix`.

        Raises:
            ValueError: It is no such URL; there is no encryption here.
        """
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"{url!r} is not an http:// URL")
        return cls(parts.hostname, parts.port or 80, parts.path.rstrip("/"))

    def post(self, path: str, body: bytes) -> bytes:
        """Return the bytes of a request."""
        head = (
            f"POST {self.prefix}{path} HTTP/1.1\r\nhost: {self.host}:{self.port}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


class Connection:
    """One connection, opened at its first request and again after it was closed."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """Send a request, and return the status and the body of the answer.

        A server may close a connection that was idle for too long just as it is used again; the
        request is then sent once more on a new one.

        Raises:
            OSError: The connection failed.
            EOFError: The answer ended early.
            ValueError: It is not HTTP.
        """
        if self._streams is not None:
            try:
                return await self._exchange(request)
            except ConnectionError:
                pass
            except asyncio.IncompleteReadError as error:
                if error.partial:
                    raise
        return await self._exchange(request)

    async def _exchange(self, request: bytes) -> tuple[int, bytes]:
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection(
                    self._address.host, self._address.port, limit=_READ_LIMIT
                )
            reader, writer = self._streams
            writer.write(request)
            await writer.drain()
            status, headers = _parse_head(await reader.readuntil(b"\r\n\r\n"))
            body = await _read_body(reader, headers)
        except BaseException:
            self.close()
            raise
        if headers.get("connection") == "close":
            self.close()
        return status, body

    async def aclose(self) -> None:
        """Close it, if it is open, and wait until it is closed."""
        streams = self._streams
        self.close()
        if streams is not None:
            with suppress(OSError):
                await streams[1].wait_closed()

    def close(self) -> None:
        """Begin to close it, if it is open."""
        if self._streams is not None:
            with suppress(OSError, RuntimeError):
                self._streams[1].close()
            self._streams = None


def _parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    version, status, *_ = first.split(" ")
    if not version.startswith("HTTP/1."):
        raise ValueError(f"not HTTP: {first!r}")
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.lower(): value.strip().lower() for name, _, value in pairs}
    return int(status), headers


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding") == "chunked":
        chunks = []
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            chunks.append(await reader.readexactly(size))
            await reader.readexactly(2)
        await reader.readuntil(b"\r\n")
        return b"".join(chunks)
    return await reader.readexactly(int(headers.get("content-length", 0)))

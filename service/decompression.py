"""Plain ASGI middleware that unpacks request bodies."""

from __future__ import annotations

import zlib

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import BodyTooLarge, MalformedBody, UnsupportedEncoding

_GZIP = zlib.MAX_WBITS | 16


class Decompression:
    """Unpacks bodies that come as gzip, and refuses other codings.

    Args:
        app: The application inside.
        max_body_bytes: The limit of what a body may become.
    """

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Whoever reads the body gets `UnsupportedEncoding`, `MalformedBody` or `BodyTooLarge` where
        it is packed in another way, broken, or over the limit.
        """
        coding = _coding(scope)
        if coding in ("", "identity"):
            await self._app(scope, receive, send)
            return
        body = _GzipBody(self._max_body_bytes)

        async def receive_unpacked() -> Message:
            # Before the first byte, so that `Expect: 100-continue` saves the upload.
            if coding not in ("gzip", "x-gzip"):
                raise UnsupportedEncoding(
                    f"the body's content-encoding is {coding!r}: send it as it is, or as gzip"
                )
            message = await receive()
            if message["type"] != "http.request":
                return message
            last = not message.get("more_body", False)
            return {**message, "body": body.unpack(message.get("body", b""), last=last)}

        await self._app(scope, receive_unpacked, send)


def _coding(scope: Scope) -> str:
    if scope["type"] != "http":
        return ""
    return ", ".join(Headers(scope=scope).getlist("content-encoding")).strip().lower()


class _GzipBody:
    """What has been read of one body; a stream of several members is taken for one."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._room = limit
        self._member = zlib.decompressobj(_GZIP)
        self._begun = False

    def unpack(self, packed: bytes, *, last: bool) -> bytes:
        """Return what a piece of the body becomes.

        Raises:
            BodyTooLarge: The whole is over the limit; no more than that is ever unpacked.
            MalformedBody: This is not gzip, or it ends too soon.
        """
        parts = []
        while packed:
            self._begun = True
            # One byte more than there is room for tells that there is more.
            parts.append(self._decompress(packed, self._room + 1))
            self._room -= len(parts[-1])
            if self._room < 0:
                raise BodyTooLarge(f"the unpacked body is over the limit of {self._limit} bytes")
            packed = self._member.unused_data
            if self._member.eof and packed:
                self._member = zlib.decompressobj(_GZIP)
        if last and self._begun and not self._member.eof:
            raise MalformedBody("the body is not gzip: it ends too soon")
        return b"".join(parts)

    def _decompress(self, packed: bytes, most: int) -> bytes:
        try:
            return self._member.decompress(packed, most)
        except zlib.error as error:
            raise MalformedBody(f"the body is not gzip: {error}") from error

"""Plain ASGI middleware around all routes: request ids, counts, the last border, body limit."""

from __future__ import annotations

import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.caller import Caller, set_caller
from service.errors import BodyTooLarge, InternalError
from service.metrics import Metrics
from service.routes.rendering import error_response
from service.tracing import Ending, Tracing

logger = logging.getLogger(__name__)
access_logger = logging.getLogger("service.access")

_REQUEST_ID = re.compile(r"[\w.:/+=-]{1,128}", re.ASCII)


class RequestBorder:
    """Gives each response a request id, counts it, and turns what no handler knows into a 500.

    Args:
        app: The application inside.
        metrics: Where responses are counted.
        tracing: Where requests are traced.
        access_log: Whether to log a line for each response.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        tracing: Tracing | None = None,
        *,
        access_log: bool = False,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._tracing = Tracing() if tracing is None else tracing
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        caller = Caller(_client(scope), _request_id(scope), self._tracing)
        set_caller(caller)
        with self._tracing.request(scope["method"], Headers(scope=scope)) as end:
            await self._serve(scope, receive, send, caller.request_id, end)

    async def _serve(
        self, scope: Scope, receive: Receive, send: Send, request_id: str, end: Ending
    ) -> None:
        begun = time.perf_counter()
        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message)["x-request-id"] = request_id
                self._note(scope, message["status"], time.perf_counter() - begun, end)
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except ClientDisconnect:
            logger.debug("%s: the client left", request_id)
        except Exception:
            logger.exception("%s: %s %r failed", request_id, scope["method"], scope["path"])
            if started:
                raise
            response = error_response(InternalError("internal error"), scope["path"])
            await response(scope, receive, send_with_id)

    def _note(self, scope: Scope, status: int, seconds: float, end: Ending) -> None:
        # The template and not the path: a client must not be able to make new series.
        route = getattr(scope.get("route"), "path", "unknown")
        method = scope["method"]
        self._metrics.http_requests.labels(route, method, str(status)).inc()
        self._metrics.http_duration.labels(route).observe(seconds)
        end(route, status)
        if self._access_log:
            fields = {"method": method, "path": scope["path"], "status": status}
            fields |= {"route": route, "client": _client(scope), "ms": round(1000 * seconds, 3)}
            text = "%s %r %d %.1f ms"
            values = (method, scope["path"], status, 1000 * seconds)
            access_logger.info(text, *values, extra={"fields": fields})


def _client(scope: Scope) -> str:
    """Return the address of the client, or of the proxy that speaks for it and is not trusted."""
    address = scope.get("client")
    return str(address[0]) if address else ""


def _request_id(scope: Scope) -> str:
    """Return the client's id where it is harmless in a header and in a log, or a new one."""
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


class BodyLimit:
    """Stops reading a body that is over the limit, whether its length was declared or not.

    Args:
        app: The application inside.
        max_body_bytes: The limit.
    """

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; whoever reads a body that is too large gets `BodyTooLarge`."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        total = 0

        async def receive_bounded() -> Message:
            nonlocal total
            # Before the first byte, so that `Expect: 100-continue` saves the upload.
            if declared.isdecimal() and int(declared) > self._max_body_bytes:
                raise self._too_large()
            message = await receive()
            total += len(message.get("body", b""))
            if total > self._max_body_bytes:
                raise self._too_large()
            return message

        await self._app(scope, receive_bounded, send)

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(f"the body is over the limit of {self._max_body_bytes} bytes")

"""Plain ASGI middleware that knows what is in hand, and takes nothing new before a stop."""

from __future__ import annotations

import asyncio

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import Unavailable
from service.routes.rendering import error_response
from service.runtime import Runtime


class Draining:
    """Counts the requests for work, and refuses new ones once the process drains.

    Probes, metrics and all else that is read goes on being answered.

    Args:
        app: The application inside.
        runtime: Tells whether the process drains, and is told what is in hand.
    """

    def __init__(self, app: ASGIApp, runtime: Runtime) -> None:
        self._app = app
        self._runtime = runtime

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        if self._runtime.draining:
            await self._refuse(scope, receive, send)
            return

        self._runtime.in_flight += 1
        try:
            await self._serve(scope, receive, send)
        finally:
            self._runtime.in_flight -= 1

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_last(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                if self._runtime.draining:
                    MutableHeaders(scope=message)["connection"] = "close"
            await send(message)

        try:
            await self._app(scope, receive, send_last)
        except asyncio.CancelledError:
            # So the server ends what has not been answered when the time to stop has come.
            if started or not self._runtime.draining:
                raise
            await self._refuse(scope, receive, send)

    @staticmethod
    async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
        response = error_response(Unavailable("the service is stopping"), scope["path"])
        # The next request on this connection would find nobody here.
        response.headers["connection"] = "close"
        await response(scope, receive, send)

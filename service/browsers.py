"""Plain ASGI middleware for what comes from a browser, or goes to one."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# The documentation's page takes its script and its style from this address, and its icon from the
# other; it may ask this service and nobody else, and no other page may show it in a frame.
_SCRIPTS, _ICONS = "https://cdn.jsdelivr.net", "https://fastapi.tiangolo.com"
_POLICY = (
    f"default-src 'none'; script-src {_SCRIPTS} 'unsafe-inline';"
    f" style-src {_SCRIPTS} 'unsafe-inline'; img-src 'self' data: {_ICONS}; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

# What our responses tell in headers, and a page may read.
_EXPOSED = (
    *("x-request-id", "retry-after", "retry-after-ms", "x-truncated-inputs", "x-truncated-count"),
    *("x-compute-time", "x-compute-tokens", "x-total-time", "x-tokenization-time"),
    *("x-queue-time", "x-inference-time", "x-embedding-shape"),
)


class HtmlSafety:
    """Gives every HTML page the headers that bound what it may do.

    Args:
        app: The application inside.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def send_safe(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_html(message):
                headers = MutableHeaders(scope=message)
                headers["content-security-policy"] = _POLICY
                headers["referrer-policy"] = "no-referrer"
                headers["x-content-type-options"] = "nosniff"
                headers["x-frame-options"] = "DENY"
            await send(message)

        await self._app(scope, receive, send_safe)


def _is_html(message: Message) -> bool:
    return any(
        name == b"content-type" and value.startswith(b"text/html")
        for name, value in message["headers"]
    )


class CrossOrigin(CORSMiddleware):
    """Lets pages of other origins call the service.

    Args:
        app: The application inside.
        origins: The origins, with commas between them; `*` lets all.
    """

    def __init__(self, app: ASGIApp, origins: str) -> None:
        super().__init__(
            app,
            allow_origins=[origin.strip() for origin in origins.split(",")],
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            expose_headers=_EXPOSED,
        )

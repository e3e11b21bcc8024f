"""Plain ASGI middleware that lets requests in by their key."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import Unauthorized
from service.keys import ApiKeys
from service.routes.rendering import error_response

# What a probe, a scraper or a browser asks without a key: health, metrics, and the documentation.
_OPEN_PATHS = frozenset(
    {
        *("/", "/ping", "/health", "/health/live", "/health/ready", "/metrics"),
        *("/docs", "/docs/oauth2-redirect", "/openapi.json"),
        *("/.well-known/live", "/.well-known/ready"),
    }
)
_BARE_HEADERS = (b"api-key", b"x-api-key")


class Authentication:
    """Refuses requests without a key: all but GET and HEAD on health, metrics and documentation.

    A key comes as `Authorization: Bearer key`, or alone in `Authorization`, `api-key` or
    `x-api-key`. It is refused before the body is read.

    Args:
        app: The application inside.
        keys: The keys that are let in.
    """

    def __init__(self, app: ASGIApp, keys: ApiKeys) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or _is_open(scope):
            await self._app(scope, receive, send)
            return
        candidates = list(_candidates(scope))
        if sum(self._keys.hold(key) for key in candidates):
            await self._app(scope, receive, send)
            return
        fault = "the API key is wrong" if candidates else "an API key is needed"
        error = Unauthorized(f"{fault}: send `Authorization: Bearer <key>`")
        await error_response(error, scope["path"])(scope, receive, send)


def _is_open(scope: Scope) -> bool:
    return scope["method"] in ("GET", "HEAD") and scope["path"] in _OPEN_PATHS


def _candidates(scope: Scope) -> Iterator[bytes]:
    """Give what may be a key in the headers."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, rest = value.strip().partition(b" ")
            yield rest.strip() if rest and scheme.lower() == b"bearer" else value.strip()
        elif name in _BARE_HEADERS:
            yield value.strip()

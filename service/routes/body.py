"""Reads request bodies: strict JSON in UTF-8, whatever the content type says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from service.errors import MalformedBody, RequestTimeout
from service.routes.dependencies import TIMEOUT_HEADER, Call
from service.routes.recording import recorded

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

# Larger bodies are parsed in a thread: smaller ones take the event loop a few milliseconds, though
# they be made of nothing but small objects.
_MAX_INLINE_BYTES = 256 * 1024


def parse_json(body: bytes) -> object:
    """Parse a request body.

    The standard library's parser, and not orjson, because it lets an escaped lone surrogate pass:
    so the text that holds it can be named by its index.

    Raises:
        MalformedBody: It is not UTF-8 or not JSON, a key is given twice, or it is nested too deep.
    """
    if not body.strip():
        raise MalformedBody("the body is empty: send a JSON object")
    try:
        return json.loads(
            body.decode(), parse_constant=_refuse_constant, object_pairs_hook=_unique_keys
        )
    except UnicodeDecodeError as error:
        raise MalformedBody(f"the body is not UTF-8: byte {error.start} is wrong") from error
    except json.JSONDecodeError as error:
        raise MalformedBody(
            f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from error
    except RecursionError as error:
        raise MalformedBody("the body is nested too deep") from error
    except ValueError as error:  # Python bounds the digits of a number
        raise MalformedBody("the body holds a number with too many digits") from error


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedBody(f"the body is not JSON: {name} is not a JSON number")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    for key, value in pairs:
        if key in keys:
            raise MalformedBody(f"the body gives the key {key!r} twice")
        keys[key] = value
    return keys


class JsonRoute(APIRoute):
    """A route with a JSON body: timed from its headers, counted, stopped when its client leaves."""

    def get_route_handler(self) -> Handler:
        """Parse the body before FastAPI would, and watch the connection after it."""
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def handle_json(request: Request) -> Response:
            runtime = request.app.state.runtime
            asked = request.headers.get(TIMEOUT_HEADER)
            call = request.state.call = Call.begin(runtime.settings, asked)
            json_request = _JsonRequest(request)
            await _receive_body(json_request, call)
            body = await json_request.json()
            with recorded(runtime.metrics, body):
                return await _unless_client_leaves(handle(json_request), request)

        return handle_json


class _JsonRequest(Request):
    """A request that FastAPI takes for JSON, because `curl -d` and many others do not say so."""

    def __init__(self, request: Request) -> None:
        headers = [item for item in request.scope["headers"] if item[0] != b"content-type"]
        headers.append((b"content-type", b"application/json"))
        super().__init__({**request.scope, "headers": headers}, request.receive)

    async def json(self) -> object:
        if not hasattr(self, "_json"):
            body = await self.body()
            if len(body) > _MAX_INLINE_BYTES:
                self._json = await run_in_threadpool(parse_json, body)
            else:
                self._json = parse_json(body)
        return self._json


async def _receive_body(request: Request, call: Call) -> None:
    try:
        async with asyncio.timeout_at(call.deadline):
            await request.body()
    except TimeoutError:
        raise RequestTimeout(f"the body did not arrive within {call.timeout:g} seconds") from None


async def _unless_client_leaves(
    answering: Coroutine[Any, Any, Response], request: Request
) -> Response:
    """Await the answer; cancel it when the client is gone, so that its texts are not run.

    Raises:
        ClientDisconnect: The client is gone.
    """
    answer = asyncio.create_task(answering)
    departure = asyncio.create_task(_disconnection(request))
    try:
        await asyncio.wait((answer, departure), return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise ClientDisconnect
        return await answer
    finally:
        answer.cancel()
        departure.cancel()


async def _disconnection(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass

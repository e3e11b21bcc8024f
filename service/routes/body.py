"""Reads request bodies: strict JSON in UTF-8, whatever the content type says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, NoReturn

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from service.errors import MalformedBody, RequestTimeout
from service.routes.arguments import Arguments
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
    """A route with a JSON body: timed from its headers, counted, stopped when its client leaves.

    Its endpoint takes the body and our dependencies (`Arguments`), and gives a `Response`. What an
    application or a router that includes it would have depended on beside that is not asked:
    whatever guards all routes is middleware here.
    """

    def get_route_handler(self) -> Handler:
        """Call the endpoint as FastAPI would, in fewer steps, and watch the connection meanwhile.

        Raises:
            TypeError: The endpoint takes anything else.
        """
        field = self.body_field
        if field is None:
            return super().get_route_handler()
        if self.dependencies:
            raise TypeError(f"{self.path}: dependencies that are no arguments would not be asked")
        endpoint = self.endpoint
        arguments = Arguments.of(endpoint)

        async def answer(request: Request, parsed: object) -> Response:
            found = await arguments.find(request)
            body, faults = field.validate(parsed, loc=("body",))
            if faults:
                raise RequestValidationError(faults, body=parsed)
            response: Response = await endpoint(**found, **{arguments.body: body})
            return response

        async def handle_json(request: Request) -> Response:
            runtime = request.app.state.runtime
            asked = request.headers.get(TIMEOUT_HEADER)
            call = request.state.call = Call.begin(runtime.settings, asked)
            parsed = await _parse(await _receive_body(request, call))
            with recorded(runtime.metrics, parsed):
                async with _client_stays(request):
                    return await answer(request, parsed)

        return handle_json


async def _receive_body(request: Request, call: Call) -> bytes:
    try:
        async with asyncio.timeout_at(call.deadline):
            return await request.body()
    except TimeoutError:
        raise RequestTimeout(f"the body did not arrive within {call.timeout:g} seconds") from None


async def _parse(body: bytes) -> object:
    if len(body) > _MAX_INLINE_BYTES:
        return await run_in_threadpool(parse_json, body)
    return parse_json(body)


@asynccontextmanager
async def _client_stays(request: Request) -> AsyncIterator[None]:
    """Stop what the block waits for when the client is gone, so that its texts are not run.

    Raises:
        ClientDisconnect: The client is gone.
    """
    answering = asyncio.current_task()
    assert answering is not None
    before = answering.cancelling()
    answered = left = False

    def stop(departure: asyncio.Task[None]) -> None:
        nonlocal left
        if not (answered or departure.cancelled()):
            left = True
            answering.cancel()

    departure = asyncio.create_task(_disconnection(request))
    departure.add_done_callback(stop)
    try:
        yield
    except asyncio.CancelledError:
        # As in `asyncio.timeout`: somebody else may want the task to end as well.
        if left and answering.uncancel() <= before:
            raise ClientDisconnect from None
        raise
    finally:
        answered = True
        departure.cancel()


async def _disconnection(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass

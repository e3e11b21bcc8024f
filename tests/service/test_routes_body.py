"""Bodies: what is JSON to us, and what is said of one that is not."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message

from service.errors import MalformedBody
from service.metrics import Metrics
from service.routes import body as body_module
from service.routes.body import JsonRoute, _client_stays, parse_json
from service.routes.dependencies import Call, CallDep
from service.runtime import Runtime
from service.settings import Settings


def test_a_json_object_is_read() -> None:
    body = '{"inputs": ["naïve", "\\u00e9"], "truncate": null}'.encode()
    assert parse_json(body) == {"inputs": ["naïve", "é"], "truncate": None}


def test_an_escaped_lone_surrogate_is_left_for_the_check_that_knows_its_index() -> None:
    assert parse_json(b'{"inputs": "\\ud83d"}') == {"inputs": "\ud83d"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b" \r\n\t", "empty"),
        (b'{"inputs": "caf\xe9"}', "not UTF-8: byte 15"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8: byte 0"),
        (b'{"inputs": "a",', "not JSON"),
        (b"{'inputs': 'a'}", "line 1, column 2"),
        (b'{"inputs": "a"} {}', "not JSON"),
        (b'{"inputs": "two\nlines"}', "not JSON"),
        (b'{"inputs": "a", "negation_weight": NaN}', "NaN is not a JSON number"),
        (b'{"inputs": "a", "negation_weight": -Infinity}', "-Infinity is not a JSON number"),
        (b'{"inputs": "a", "inputs": "b"}', "key 'inputs' twice"),
        (b'{"pairs": [{"a": "x", "b": "y", "a": "z"}]}', "key 'a' twice"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"a":' * 100_000, "nested too deep"),
        (b'{"dimensions": ' + b"9" * 5000 + b"}", "too many digits"),
    ],
)
def test_a_body_that_is_not_strict_json_is_refused_with_the_reason(
    body: bytes, reason: str
) -> None:
    with pytest.raises(MalformedBody) as refusal:
        parse_json(body)
    assert reason in refusal.value.message
    assert refusal.value.status == 400


def test_while_a_large_body_is_parsed_the_server_answers_others(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsing, go_on = threading.Event(), threading.Event()

    def parse_behind_gate(body: bytes) -> object:
        if len(body) > body_module._MAX_INLINE_BYTES:
            parsing.set()
            assert go_on.wait(30)
        return parse_json(body)

    monkeypatch.setattr(body_module, "parse_json", parse_behind_gate)
    large = json.dumps({"inputs": "no " * body_module._MAX_INLINE_BYTES})
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.post, "/embed", content=large)
        try:
            assert parsing.wait(30)
            assert client.get("/health/live").status_code == 200
        finally:
            go_on.set()
        assert answer.result(30).status_code == 200


@pytest.mark.anyio
async def test_the_clock_of_a_request_starts_before_its_body_is_read(settings: Settings) -> None:
    calls: list[Call] = []
    asked: list[float] = []
    app, router = FastAPI(), APIRouter(route_class=JsonRoute)
    app.state.runtime = Runtime(settings, Metrics(), lambda _: None)

    @router.post("/")
    async def answer(body: dict[str, int], call: CallDep) -> Response:
        calls.append(call)
        return Response()

    async def receive() -> Message:
        asked.append(time.perf_counter())
        if len(asked) > 1:
            await asyncio.Event().wait()  # the client stays
        return {"type": "http.request", "body": b"{}"}

    async def send(message: Message) -> None:
        pass

    app.include_router(router)
    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}
    await app(scope, receive, send)
    (call,) = calls
    assert call.started < asked[0]


async def guard() -> None:
    raise AssertionError("never asked")


def test_a_dependency_that_would_not_be_asked_is_refused_when_the_route_is_made() -> None:
    router = APIRouter(route_class=JsonRoute)
    with pytest.raises(TypeError, match="/guarded: dependencies that are no arguments"):

        @router.post("/guarded", dependencies=[Depends(guard)])
        async def answer(body: dict[str, int]) -> Response:
            return Response()


def request_of(*messages: Message) -> Request:
    """A request whose client sends these messages and then stays."""
    left = list(messages)

    async def receive() -> Message:
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    return Request({"type": "http"}, receive)


@pytest.mark.anyio
async def test_what_a_client_waits_for_is_cancelled_when_it_leaves() -> None:
    waiting = asyncio.Event()
    with pytest.raises(ClientDisconnect):
        async with _client_stays(request_of({"type": "http.disconnect"})):
            await waiting.wait()
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


@pytest.mark.anyio
async def test_a_cancellation_from_elsewhere_is_not_taken_for_a_departure() -> None:
    begun = asyncio.Event()

    async def answer() -> None:
        async with _client_stays(request_of()):
            begun.set()
            await asyncio.Event().wait()

    answering = asyncio.create_task(answer())
    await begun.wait()
    answering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answering


@pytest.mark.anyio
async def test_an_answer_in_time_is_given_though_the_client_leaves_at_that_moment() -> None:
    answers = []
    async with _client_stays(request_of({"type": "http.disconnect"})):
        answers.append("given")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert answers == ["given"]

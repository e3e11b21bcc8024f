"""What stands around all routes: the body limit and the last border for errors."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from serving import serving
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from service.metrics import Metrics
from service.middleware import RequestBorder
from service.settings import Settings

LIMIT = 1000


@pytest.fixture(scope="module")
def limited_client(settings: Settings) -> Iterator[httpx.Client]:
    limited = settings.model_copy(update={"max_body_bytes": LIMIT})
    with serving(limited) as url, httpx.Client(base_url=url) as client:
        yield client


def body_of(size: int) -> bytes:
    return b'{"inputs": "' + b"a" * (size - 14) + b'"}'


def in_pieces(body: bytes) -> Iterator[bytes]:
    yield from (body[start : start + 100] for start in range(0, len(body), 100))


@pytest.mark.parametrize("path", ["/embed", "/v1/embeddings"])
def test_a_body_over_the_limit_is_refused_whether_its_length_is_declared_or_not(
    limited_client: httpx.Client, path: str
) -> None:
    for content in (body_of(LIMIT + 1), in_pieces(body_of(LIMIT + 1)), in_pieces(body_of(300_000))):
        response = limited_client.post(path, content=content)
        assert response.status_code == 413
        assert "over the limit of 1000 bytes" in response.text
        assert "error" in response.json()


def test_a_body_at_the_limit_is_read(limited_client: httpx.Client) -> None:
    for content in (body_of(LIMIT), in_pieces(body_of(LIMIT))):
        assert limited_client.post("/embed", content=content).status_code == 200


async def run(app: RequestBorder, path: str) -> list[Message]:
    """Call the application as a server would, and return what it sends."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "headers": []}
    await app(scope, receive, send)
    return sent


async def broken(scope: Scope, receive: Receive, send: Send) -> None:
    raise ValueError("secret")


@pytest.mark.parametrize("path", ["/embed", "/v1/embeddings"])
def test_a_fault_of_ours_is_told_to_the_log_and_not_to_the_client(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    start, body = asyncio.run(run(RequestBorder(broken, Metrics()), path))
    assert start["status"] == 500
    assert b"internal error" in body["body"]
    assert b"secret" not in body["body"]
    (record,) = caplog.records
    request_id = dict(start["headers"])[b"x-request-id"].decode()
    assert request_id in record.getMessage()
    assert record.exc_info is not None


async def broken_in_the_middle(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise ValueError("secret")


def test_a_fault_after_the_start_of_the_response_is_left_to_the_server() -> None:
    with pytest.raises(ValueError, match="secret"):
        asyncio.run(run(RequestBorder(broken_in_the_middle, Metrics()), "/embed"))


async def deserted(scope: Scope, receive: Receive, send: Send) -> None:
    raise ClientDisconnect


def test_a_client_that_left_gets_no_response_and_is_no_fault(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert asyncio.run(run(RequestBorder(deserted, Metrics()), "/embed")) == []
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_responses_are_counted_by_the_template_of_their_route(
    limited_client: httpx.Client,
) -> None:
    limited_client.get("/v1/models/nobody")
    limited_client.get("/no/such/route")
    limited_client.delete("/health/live")
    series = limited_client.get("/metrics").text
    for labels in (
        'method="GET",route="/v1/models/{name:path}",status="404"',
        'method="GET",route="unknown",status="404"',
        'method="DELETE",route="/health/live",status="405"',
    ):
        assert f"litotes_http_requests_total{{{labels}}} 1.0" in series
    assert "nobody" not in series

"""What one connection may cost: raw bytes against a real server with low bounds."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from unittest.mock import Mock

import pytest
from serving import serving
from uvicorn import Config
from uvicorn.server import ServerState

from service.connection import BoundedProtocol
from service.settings import Settings

HEAD_BYTES = 2000
BODY = b'{"inputs": "no"}'
HEAD = b"POST /embed HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n" % len(BODY)
REQUEST = HEAD + b"\r\n" + BODY


@pytest.fixture(scope="module")
def address(settings: Settings) -> Iterator[tuple[str, int]]:
    strict = settings.model_copy(
        update={"max_head_bytes": HEAD_BYTES, "head_timeout": 0.3, "pair_model": None}
    )
    with serving(strict) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        yield host, int(port)


@pytest.fixture
def connection(address: tuple[str, int]) -> Iterator[socket.socket]:
    with socket.create_connection(address, timeout=30) as connection:
        yield connection


def read_to_the_end(connection: socket.socket) -> bytes:
    return connection.makefile("rb").read()


def test_a_head_that_never_ends_is_told_so(connection: socket.socket) -> None:
    connection.sendall(HEAD)
    assert read_to_the_end(connection).startswith(b"HTTP/1.1 408 ")


def test_a_connection_without_a_byte_is_closed(connection: socket.socket) -> None:
    assert read_to_the_end(connection) == b""


def test_blank_lines_do_not_keep_a_connection_open(connection: socket.socket) -> None:
    connection.sendall(REQUEST + b"\r\n\r\n")
    assert read_to_the_end(connection).count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "head",
    [
        HEAD + b"x-long: " + b"y" * HEAD_BYTES + b"\r\n\r\n",
        HEAD + b"x: y\r\n" * (HEAD_BYTES // 2) + b"\r\n",
        b"GET /health?" + b"y" * HEAD_BYTES + b" HTTP/1.1\r\n\r\n",
    ],
    ids=["one header", "many headers", "line"],
)
def test_a_head_over_the_limit_is_refused(connection: socket.socket, head: bytes) -> None:
    connection.sendall(head)
    assert read_to_the_end(connection).startswith(b"HTTP/1.1 431 ")


def test_a_header_without_an_end_is_refused_while_it_comes(connection: socket.socket) -> None:
    connection.sendall(HEAD + b"x" * (HEAD_BYTES // 2))
    with pytest.raises(ConnectionError):
        connection.sendall(b"x" * 50_000_000)  # more than any buffer on the way holds


def test_trailers_count_as_headers(connection: socket.socket) -> None:
    chunked = (
        b"POST /embed HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n"
    )
    connection.sendall(chunked + b"x: y\r\n" * HEAD_BYTES + b"\r\n")
    assert b" 200 " not in read_to_the_end(connection)


def test_requests_follow_each_other_on_one_connection(connection: socket.socket) -> None:
    answers = connection.makefile("rb")
    for _ in range(3):
        connection.sendall(REQUEST)
        assert answers.readline() == b"HTTP/1.1 200 OK\r\n"
        length = 0
        while (line := answers.readline()) != b"\r\n":
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        assert answers.read(length).startswith(b"[[")


def test_pipelined_requests_are_each_answered(connection: socket.socket) -> None:
    connection.sendall(REQUEST * 3)
    assert read_to_the_end(connection).count(b"HTTP/1.1 200 OK") == 3


def test_nonsense_behind_a_request_does_not_pass_for_its_answer(
    connection: socket.socket,
) -> None:
    connection.sendall(REQUEST + b"\x00nonsense\r\n\r\n")
    try:
        answer = read_to_the_end(connection)
    except ConnectionResetError:
        return
    assert not answer.startswith(b"HTTP/1.1 400")


@pytest.mark.anyio
@pytest.mark.parametrize("reads", [False, True])
async def test_a_client_that_does_not_read_is_cut_off(reads: bool) -> None:
    transport = Mock(**{"get_extra_info.return_value": None, "is_closing.return_value": False})
    aborted = asyncio.Event()
    transport.abort.side_effect = aborted.set
    config = Config(Mock(), log_config=None, lifespan="off")
    config.load()
    protocol = BoundedProtocol(
        config,
        ServerState(),
        {},
        max_head_bytes=HEAD_BYTES,
        head_timeout=60,
        send_timeout=0.01,
    )
    protocol.connection_made(transport)
    protocol.pause_writing()
    if reads:
        protocol.resume_writing()
        await asyncio.sleep(0.05)
        assert not aborted.is_set()
    else:
        await asyncio.wait_for(aborted.wait(), 30)
    protocol.connection_lost(ConnectionError())

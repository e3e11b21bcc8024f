"""The generator's HTTP client, against sockets that behave in every way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from benchmarks.connection import Address, Connection

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n"
SHORT = b"HTTP/1.1 429 Too Many\r\nContent-Length: 2\r\n\r\nno"


async def ask(answers: list[list[bytes]], times: int) -> list[tuple[int, bytes]]:
    """Ask a server that gives these answers, one list a connection, and then closes it."""
    connections = iter(answers)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in next(connections):
            await reader.readuntil(b"\r\n\r\n{}")
            writer.write(answer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        address = Address("127.0.0.1", server.sockets[0].getsockname()[1])
        connection = Connection(address)
        try:
            return [await connection.send(address.post("/x", b"{}")) for _ in range(times)]
        finally:
            await connection.aclose()


def test_bodies_are_read_with_a_length_and_in_chunks() -> None:
    answers = asyncio.run(ask([[CHUNKED, SHORT]], 2))
    assert answers == [(200, b"abcde"), (429, b"no")]


def test_a_connection_that_was_closed_meanwhile_is_opened_again() -> None:
    assert asyncio.run(ask([[SHORT], [SHORT]], 2)) == [(429, b"no")] * 2


def test_an_answer_that_ends_early_is_an_error() -> None:
    with pytest.raises(EOFError):
        asyncio.run(ask([[SHORT[:-1]]], 1))


def test_urls_have_a_host_a_port_and_a_prefix() -> None:
    assert Address.parse("http://there:3000/api/") == Address("there", 3000, "/api")
    assert Address.parse("http://there").port == 80
    with pytest.raises(ValueError, match="https"):
        Address.parse("https://there")

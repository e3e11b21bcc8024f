"""A real HTTP server on loopback that speaks OpenAI's and TEI's contracts for embeddings."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from typing import Any
from zlib import crc32

import numpy as np
from chat_server import ChatServer, Fault, chat_server, handler

DIMENSIONS = 4


def vector(text: str) -> list[float]:
    """What the server makes of a text; not of unit length."""
    rows: list[float] = np.random.default_rng(crc32(text.encode())).normal(size=DIMENSIONS).tolist()
    return rows


def openai_body(vectors: list[list[float]]) -> str:
    """An answer of OpenAI's contract, whose items need not come in order."""
    items = [{"index": place, "embedding": row} for place, row in enumerate(vectors)]
    return json.dumps({"object": "list", "data": items[::-1]})


def good_body(request: dict[str, Any]) -> str:
    if "inputs" in request:
        return json.dumps([vector(text) for text in request["inputs"]])
    return openai_body([vector(text) for text in request["input"]])


def embedding_handler(server: ChatServer) -> type[BaseHTTPRequestHandler]:
    class Handler(handler(server)):  # type: ignore[misc]
        def answer(self, fault: Fault, request: dict[str, Any]) -> None:
            body = good_body(request) if fault.body is None else fault.body
            super().answer(replace(fault, body=body), request)

    return Handler


def embedding_server() -> AbstractContextManager[ChatServer]:
    """Serve until the block ends: the server's faults in turn, then good answers."""
    return chat_server(embedding_handler)

"""What HTTP and JSON alone cost: reads OpenAI's request, and answers zeros of the right length."""

from __future__ import annotations

import base64
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

DIMENSIONS = int(os.environ.get("ECHO_DIMENSIONS", "384"))


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Answer one request, whatever its path."""
    if scope["type"] != "http":
        return
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    answer = _answer(body) if body else b""
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(answer)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


def _answer(body: bytes) -> bytes:
    texts = orjson.loads(body)["input"]
    data = []
    for index in range(len(texts)):
        vector = base64.b64encode(bytes(4 * DIMENSIONS)).decode()
        data.append({"object": "embedding", "index": index, "embedding": vector})
    return orjson.dumps({"object": "list", "data": data})

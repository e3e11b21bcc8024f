"""Seeded nonsense on the socket: never a 5xx, never a connection that stays open, never a stop."""

from __future__ import annotations

import json
import random
import re
import socket
from collections.abc import Iterator

import httpx
import pytest
from serving import serving

from service.settings import Settings

PATHS = ["/embed", "/v1/embeddings", "/similarity", "/negation-check", "/info", "/rerank", "/x%00"]
BODIES = [
    {"inputs": "no"},
    {"input": ["no", ""], "model": 7},
    {"source_sentence": "no", "sentences": ["not"]},
    {"pairs": [["no", "not"]]},
    {"query": "no", "texts": ["not"]},
    [[[[]]]],
    None,
]
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


def whole_request(chance: random.Random) -> bytes:
    body = json.dumps(chance.choice(BODIES)).encode()
    method, path = chance.choice(["POST"] * 4 + ["GET", "PUT", "QUUX"]), chance.choice(PATHS)
    length = len(body) + chance.choice([0] * 6 + [-1, 1, 10**12])
    head = f"{method} {path} HTTP/1.{chance.choice('1110')}\r\nHost: test\r\n"
    head += chance.choice(["", "Connection: close\r\n", "Expect: 100-continue\r\n", "X: \x7f\r\n"])
    return f"{head}Content-Length: {length}\r\n\r\n".encode() + body


def spoil(chance: random.Random, sent: bytes) -> bytes:
    """Flip, cut, repeat or insert bytes, up to four times."""
    for _ in range(chance.randint(0, 4)):
        at = chance.randrange(len(sent) + 1)
        kind = chance.choice(["flip", "cut", "repeat", "insert"])
        if kind == "flip" and at < len(sent):
            sent = sent[:at] + bytes([sent[at] ^ 1 << chance.randrange(8)]) + sent[at + 1 :]
        elif kind == "cut":
            sent = sent[:at] + sent[at + chance.randint(0, 20) :]
        elif kind == "repeat":
            sent = sent[:at] + sent[max(0, at - 30) :]
        else:
            sent = sent[:at] + chance.randbytes(chance.randint(1, 30)) + sent[at:]
    return sent or b"\r\n"


@pytest.fixture(scope="module")
def url(settings: Settings) -> Iterator[str]:
    hasty = settings.model_copy(update={"head_timeout": 0.3, "request_timeout": 3})
    with serving(hasty) as address:
        yield address


@pytest.mark.parametrize("seed", range(3))
def test_no_bytes_make_a_fault_of_ours_or_hold_a_connection(url: str, seed: int) -> None:
    chance = random.Random(seed)
    host, _, port = url.removeprefix("http://").partition(":")
    sent = [spoil(chance, whole_request(chance)) for _ in range(70)]
    sent += [chance.randbytes(chance.randint(1, 400)) for _ in range(10)]
    connections = []
    for each in sent:
        connections.append(socket.create_connection((host, int(port)), timeout=30))
        connections[-1].sendall(each)
    for each, connection in zip(sent, connections, strict=True):
        with connection:
            try:
                answer = connection.makefile("rb").read()  # to the end, or the time-out fails
            except ConnectionError:
                continue
        statuses = [int(status) for status in STATUS.findall(answer)]
        assert all(status < 500 for status in statuses), (each, answer)
    assert httpx.get(f"{url}/health/ready").status_code == 200

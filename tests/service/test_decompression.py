"""Packed request bodies, over a real server."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator

import httpx
import pytest
from serving import serving

from service.settings import Settings

LIMIT = 20_000
BODY = json.dumps({"inputs": ["the drug works", "naïve"]}).encode()


@pytest.fixture(scope="module")
def limited_client(settings: Settings) -> Iterator[httpx.Client]:
    limited = settings.model_copy(update={"max_body_bytes": LIMIT})
    with serving(limited) as url, httpx.Client(base_url=url) as http:
        yield http


def post(
    client: httpx.Client, content: bytes | Iterator[bytes], coding: str = "gzip"
) -> httpx.Response:
    return client.post("/embed", content=content, headers={"content-encoding": coding})


def in_pieces(body: bytes, size: int) -> Iterator[bytes]:
    yield from (body[start : start + size] for start in range(0, len(body), size))


def text_body(size: int) -> bytes:
    return b'{"inputs": "no' + b" " * (size - 16) + b'"}'


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip"])
def test_a_packed_body_is_read_as_it_was(limited_client: httpx.Client, coding: str) -> None:
    plain = limited_client.post("/embed", content=BODY)
    packed = post(limited_client, gzip.compress(BODY), coding)
    assert packed.status_code == 200, packed.text
    assert packed.json() == plain.json()
    assert post(limited_client, BODY, "identity").json() == plain.json()


def test_pieces_and_members_make_one_body(limited_client: httpx.Client) -> None:
    plain = limited_client.post("/embed", content=BODY).json()
    members = gzip.compress(BODY[:9]) + gzip.compress(b"") + gzip.compress(BODY[9:])
    for size in (1, 7, 1000):
        assert post(limited_client, in_pieces(members, size)).json() == plain


def test_the_limit_is_for_the_unpacked_body(limited_client: httpx.Client) -> None:
    assert post(limited_client, gzip.compress(text_body(LIMIT))).status_code == 200
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) > LIMIT  # so the limit of what arrives counts as well
    for body in (text_body(LIMIT + 1), b" " * 10_000_000):
        packed = gzip.compress(body)
        assert len(packed) < LIMIT
        for content in (packed, in_pieces(packed, 100), gzip.compress(b"") + packed):
            response = post(limited_client, content)
            assert response.status_code == 413
            assert "the unpacked body is over the limit of 20000 bytes" in response.text
    assert post(limited_client, bomb).status_code == 413


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the body is empty"),
        (BODY, "the body is not gzip"),
        (zlib.compress(BODY), "the body is not gzip"),
        (gzip.compress(BODY)[:-1], "it ends too soon"),
        (gzip.compress(BODY)[:12], "it ends too soon"),
        (gzip.compress(BODY)[:-5] + b"wrong", "the body is not gzip"),
        (gzip.compress(BODY) + b"more", "the body is not gzip"),
        (gzip.compress(BODY) + gzip.compress(BODY), "the body is not JSON"),
        (gzip.compress(gzip.compress(BODY)), "the body is not UTF-8"),
    ],
)
def test_a_body_that_cannot_be_unpacked_is_refused(
    limited_client: httpx.Client, content: bytes, words: str
) -> None:
    response = post(limited_client, content)
    assert response.status_code == 400, response.text
    assert words in response.json()["error"]


@pytest.mark.parametrize("coding", ["deflate", "br", "zstd", "gzip, gzip", "rot13"])
@pytest.mark.parametrize("path", ["/embed", "/v1/embeddings"])
def test_other_codings_are_refused_with_the_one_that_is_read(
    limited_client: httpx.Client, path: str, coding: str
) -> None:
    headers = {"content-encoding": coding}
    response = limited_client.post(path, content=BODY, headers=headers)
    assert response.status_code == 415
    assert response.headers["accept-encoding"] == "gzip"
    assert repr(coding) in response.text
    assert "error" in response.json()


def test_a_request_without_a_body_may_say_what_it_likes(limited_client: httpx.Client) -> None:
    assert limited_client.get("/info", headers={"content-encoding": "br"}).status_code == 200

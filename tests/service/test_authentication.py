"""Requests with and without a key, over a real server."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from serving import serving

from service.settings import Settings

KEY, OTHER = "key-one", "key-two"
EMBED = {"inputs": "no"}


@pytest.fixture(scope="module")
def guarded_client(settings: Settings) -> Iterator[httpx.Client]:
    """A client, without a key of its own, of a server that asks for one."""
    guarded = settings.model_copy(update={"api_keys": SecretStr(f"{KEY} {OTHER}")})
    with serving(guarded) as url, httpx.Client(base_url=url, timeout=60) as http:
        yield http


@pytest.mark.parametrize("key", [KEY, OTHER])
@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("Authorization", "Bearer {}"),
        ("Authorization", "bearer   {}"),
        ("Authorization", "{}"),
        ("api-key", "{}"),
        ("X-API-Key", "{}"),
    ],
)
def test_a_key_lets_in_by_any_of_its_headers(
    guarded_client: httpx.Client, name: str, form: str, key: str
) -> None:
    response = guarded_client.post("/embed", json=EMBED, headers={name: form.format(key)})
    assert response.status_code == 200, response.text


def test_one_right_key_among_headers_is_enough(guarded_client: httpx.Client) -> None:
    headers = {"Authorization": "Bearer of-a-proxy", "x-api-key": KEY}
    assert guarded_client.post("/embed", json=EMBED, headers=headers).status_code == 200


WRONG: list[dict[str, str]] = [
    {},
    {"Authorization": ""},
    {"Authorization": "Bearer"},
    {"Authorization": f"Basic {KEY}"},
    {"Authorization": f"Bearer {KEY}x"},
    {"Authorization": f"Bearer {KEY[:-1]}"},
    {"Authorization": f"Bearer {KEY} {OTHER}"},
    {"Authorization": "Bearer ключ".encode().decode("latin-1")},
    {"api-key": KEY.upper()},
    {"x-api-key": f"Bearer {KEY}"},
    {"key": KEY},
]


@pytest.mark.parametrize("headers", WRONG)
def test_a_wrong_or_missing_key_is_refused(
    guarded_client: httpx.Client, headers: dict[str, str]
) -> None:
    raw = [(name, value.encode("latin-1")) for name, value in headers.items()]
    response = guarded_client.post("/embed", json=EMBED, headers=raw)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path", "read"),
    [
        ("POST", "/embed", lambda body: (body["error"], body["error_type"])),
        ("POST", "/", lambda body: (body["error"], body["error_type"])),
        ("GET", "/info", lambda body: (body["error"], body["error_type"])),
        ("GET", "/no-such-route", lambda body: (body["error"], body["error_type"])),
        ("POST", "/v1/embeddings", lambda body: (body["error"]["message"], body["error"]["type"])),
        ("GET", "/v1/models", lambda body: (body["error"]["message"], body["error"]["type"])),
        ("POST", "/v1/rerank", lambda body: (body["detail"], body["error"]["type"])),
        ("POST", "/v2/rerank", lambda body: (body["message"], "Validation")),
        ("POST", "/v2/embed", lambda body: (body["message"], "Validation")),
        ("POST", "/api/embed", lambda body: (body["error"], "Validation")),
        ("POST", "/vectors", lambda body: (body["error"], "Validation")),
    ],
)
def test_the_refusal_has_the_shape_of_the_family(
    guarded_client: httpx.Client, method: str, path: str, read: Callable[[Any], tuple[str, str]]
) -> None:
    response = guarded_client.request(method, path, content=b"not even JSON")
    message, kind = read(response.json())
    assert response.status_code == 401
    assert message == "an API key is needed: send `Authorization: Bearer <key>`"
    assert kind in ("Validation", "invalid_request_error")


def test_openais_client_finds_its_code(guarded_client: httpx.Client) -> None:
    headers = {"Authorization": "Bearer wrong"}
    error = guarded_client.post("/v1/embeddings", headers=headers).json()["error"]
    assert (error["code"], error["param"]) == ("invalid_api_key", None)
    assert error["message"].startswith("the API key is wrong")
    assert "wrong" not in error["message"].removeprefix("the API key is wrong")


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/ping", "/health", "/health/live", "/health/ready", "/metrics"),
        *("/docs", "/openapi.json", "/.well-known/live", "/.well-known/ready"),
    ],
)
def test_health_metrics_and_documentation_need_no_key(
    guarded_client: httpx.Client, path: str
) -> None:
    assert guarded_client.get(path).status_code in (200, 204)


@pytest.mark.parametrize("path", ["/", "/health", "//embed", "/health/../embed"])
def test_an_open_path_opens_no_other_method_and_no_other_path(
    guarded_client: httpx.Client, path: str
) -> None:
    assert guarded_client.post(path, json=EMBED).status_code == 401


def test_no_key_is_ever_logged(
    guarded_client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for key in (KEY, "another-secret"):
            headers = {"Authorization": f"Bearer {key}"}
            guarded_client.post("/embed", json=EMBED, headers=headers)
    ours = " ".join(r.getMessage() for r in caplog.records if not r.name.startswith("http"))
    assert KEY not in ours
    assert "another-secret" not in ours


def test_without_keys_every_request_is_let_in(client: httpx.Client) -> None:
    for headers in WRONG[:2]:
        assert client.post("/embed", json=EMBED, headers=headers).status_code == 200

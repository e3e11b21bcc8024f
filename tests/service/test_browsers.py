"""What browsers are told: who may call, and what a page of ours may do."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from serving import serving

from service.settings import Settings

PREFLIGHT = {
    "origin": "https://ours.example",
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type",
}


@pytest.fixture(scope="module")
def open_client(settings: Settings) -> Iterator[httpx.Client]:
    """A client of a server that one origin may call, with a key."""
    update = {"cors_origins": "https://ours.example, https://other.example", "pair_model": None}
    allowing = settings.model_copy(update=update | {"api_keys": "secret"})
    allowing = Settings(**(allowing.model_dump() | update | {"api_keys": "secret"}))
    with serving(allowing) as url, httpx.Client(base_url=url) as client:
        yield client


def test_no_origin_may_call_unless_the_operator_says_so(client: httpx.Client) -> None:
    answer = client.post("/embed", json={"inputs": "no"}, headers={"origin": "https://any.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert client.options("/embed", headers=PREFLIGHT).status_code == 405


def test_an_origin_that_may_call_may_send_a_key_and_read_our_headers(
    open_client: httpx.Client,
) -> None:
    preflight = open_client.options("/embed", headers=PREFLIGHT)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "https://ours.example"
    assert "authorization" in preflight.headers["access-control-allow-headers"].lower()
    refused = open_client.post("/embed", json={"inputs": "no"}, headers=PREFLIGHT)
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == "https://ours.example"
    assert "retry-after" in refused.headers["access-control-expose-headers"].lower()


def test_another_origin_may_not(open_client: httpx.Client) -> None:
    preflight = open_client.options(
        "/embed", headers=PREFLIGHT | {"origin": "https://evil.example"}
    )
    assert preflight.status_code == 400
    assert "access-control-allow-origin" not in preflight.headers


def test_html_is_bounded_and_other_answers_are_left_alone(client: httpx.Client) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["x-frame-options"] == "DENY"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    # Whatever the page loads, the policy lets it load.
    for source in ("https://cdn.jsdelivr.net", "https://fastapi.tiangolo.com"):
        assert (source in page.text) <= (source in policy)
    assert "content-security-policy" not in client.get("/info").headers

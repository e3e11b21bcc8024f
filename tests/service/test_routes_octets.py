"""Vectors as plain bytes, over a real server on tiny models."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pytest

TEXTS = ["the drug works", "the drug does not work", "a hotel without a pool"]
OCTETS = "application/octet-stream"
ROUTES = {"/embed": "inputs", "/v1/embeddings": "input", "/embeddings": "input"}
EVERYWHERE = pytest.mark.parametrize("path", ROUTES)


def post(client: httpx.Client, path: str, accept: str, **more: Any) -> httpx.Response:  # noqa: ANN401
    body = {ROUTES[path]: TEXTS, **more}
    return client.post(path, json=body, headers={"accept": accept})


@EVERYWHERE
@pytest.mark.parametrize("more", [{}, {"dimensions": 3}])
def test_the_rows_are_the_body_and_their_shape_is_in_a_header(
    client: httpx.Client, path: str, more: dict[str, Any]
) -> None:
    response = post(client, path, OCTETS, **more)
    assert (response.status_code, response.headers["content-type"]) == (200, OCTETS)
    shape = tuple(map(int, response.headers["x-embedding-shape"].split(",")))
    assert len(response.content) == 4 * shape[0] * shape[1]
    found = np.frombuffer(response.content, dtype="<f4").reshape(shape)
    expected = client.post("/embed", json={"inputs": TEXTS, **more}).json()
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert response.headers["x-compute-tokens"].isdecimal()


@EVERYWHERE
@pytest.mark.parametrize(
    ("accept", "as_octets"),
    [
        ("application/json;q=0.5, Application/Octet-Stream", True),
        (f"{OCTETS};q=0.9, */*;q=0.1", True),
        (f"{OCTETS}; charset=x ; q=1.0", True),
        ("*/*", False),
        ("application/*", False),
        ("application/json", False),
        (f"application/json, {OCTETS}", False),
        (f"{OCTETS};q=0.4, application/json;q=0.5", False),
        (f"{OCTETS};q=0", False),
        (f"{OCTETS};q=nan", False),
        (f"{OCTETS};q=much", False),
        (";;,,=", False),
    ],
)
def test_json_is_given_unless_bytes_are_preferred(
    client: httpx.Client, path: str, accept: str, as_octets: bool
) -> None:
    response = post(client, path, accept)
    assert (response.headers["content-type"] == OCTETS) is as_octets
    assert ("x-embedding-shape" in response.headers) is as_octets


@EVERYWHERE
def test_an_error_is_json_all_the_same(client: httpx.Client, path: str) -> None:
    response = client.post(path, json={ROUTES[path]: ["no", ""]}, headers={"accept": OCTETS})
    assert (response.status_code, response.headers["content-type"]) == (400, "application/json")


@EVERYWHERE
def test_both_forms_are_documented(client: httpx.Client, path: str) -> None:
    responses = client.get("/openapi.json").json()["paths"][path]["post"]["responses"]
    assert set(responses["200"]["content"]) == {"application/json", OCTETS}

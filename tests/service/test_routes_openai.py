"""OpenAI's routes, over a real server on tiny models."""

from __future__ import annotations

import base64

import httpx
import numpy as np
import pytest

TEXTS = ["the drug works", "the drug does not work"]


@pytest.mark.parametrize("path", ["/v1/embeddings", "/embeddings"])
def test_the_response_is_openais_and_holds_the_vectors_of_embed(
    client: httpx.Client, path: str
) -> None:
    body = client.post(path, json={"model": "any-name", "input": TEXTS, "user": "u"}).json()
    assert body["object"] == "list"
    assert [item["index"] for item in body["data"]] == [0, 1]
    assert {item["object"] for item in body["data"]} == {"embedding"}
    vectors = client.post("/embed", json={"inputs": TEXTS}).json()
    np.testing.assert_allclose([item["embedding"] for item in body["data"]], vectors, atol=1e-7)


def test_the_response_names_the_model_that_is_served(client: httpx.Client) -> None:
    served = client.get("/info").json()["served_model_name"]
    for model in ({"model": "text-embedding-3-small"}, {"model": None}, {}):
        body = client.post("/v1/embeddings", json={"input": "no"} | model).json()
        assert body["model"] == served


def test_usage_counts_the_tokens_that_were_run(client: httpx.Client) -> None:
    body = client.post("/v1/embeddings", json={"input": ["no", "not not"]}).json()
    assert body["usage"] == {"prompt_tokens": 7, "total_tokens": 7}


def test_base64_holds_the_same_little_endian_float32_numbers(client: httpx.Client) -> None:
    numbers, encoded = (
        client.post("/v1/embeddings", json={"input": TEXTS, "encoding_format": form}).json()
        for form in ("float", "base64")
    )
    for plain, packed in zip(numbers["data"], encoded["data"], strict=True):
        unpacked = np.frombuffer(base64.b64decode(packed["embedding"]), dtype="<f4")
        np.testing.assert_array_equal(unpacked, np.array(plain["embedding"], dtype=np.float32))


def test_dimensions_cuts_the_vectors(client: httpx.Client) -> None:
    body = client.post("/v1/embeddings", json={"input": "no", "dimensions": 2}).json()
    assert len(body["data"][0]["embedding"]) == 2


@pytest.mark.parametrize(
    ("body", "status", "expected", "words"),
    [
        ({"model": "m"}, 422, ("input", "invalid_value", None), "`input` is required"),
        ({"input": []}, 400, ("input", "empty_input", None), "`input` cannot be empty"),
        ({"input": ["a", ""]}, 400, ("input", "empty_input", 1), "`input[1]` cannot be empty"),
        ({"input": ["a", 4]}, 422, ("input", "invalid_value", 1), "`input[1]` must be a string"),
        ({"input": [15339, 1917]}, 422, ("input", "invalid_value", None), "ctx_length=False"),
        ({"input": [[15339], [1917]]}, 422, ("input", "invalid_value", 0), "send the text itself"),
        ({"input": ["a"] * 2049}, 422, ("input", "too_many_inputs", None), "batch size 2049"),
        (
            {"input": "a", "encoding_format": "int8"},
            422,
            ("encoding_format", "invalid_value", None),
            "'float' or 'base64'",
        ),
        ({"input": "a", "dimensions": 0}, 422, ("dimensions", "invalid_value", None), "positive"),
        ({"input": "a", "model": 3}, 422, ("model", "invalid_value", None), "`model` must be a"),
    ],
)
def test_bad_input_is_refused_in_openais_shape(
    client: httpx.Client, body: object, status: int, expected: tuple[object, ...], words: str
) -> None:
    response = client.post("/v1/embeddings", json=body)
    error = response.json()["error"]
    assert response.status_code == status
    assert error["type"] == "invalid_request_error"
    assert (error["param"], error["code"], error.get("index")) == expected
    assert words in error["message"]


def test_a_body_that_is_not_json_is_refused_in_openais_shape(client: httpx.Client) -> None:
    response = client.post("/v1/embeddings", content=b"{")
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "malformed_body"


def test_the_models_are_the_one_that_is_served(client: httpx.Client) -> None:
    listed = client.get("/v1/models").json()
    assert listed["object"] == "list"
    (model,) = listed["data"]
    assert model["id"] == client.get("/info").json()["served_model_name"]
    assert client.get(f"/v1/models/{model['id']}").json() == model


def test_another_model_is_not_found(client: httpx.Client) -> None:
    response = client.get("/v1/models/org/other")
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "model_not_found"

"""OpenAI's routes, over a real server on tiny models."""

from __future__ import annotations

import base64

import httpx
import numpy as np
import pytest
import tiktoken
from serving import serving

from service.settings import Settings

TEXTS = ["the drug works", "the drug does not work"]


def ids_of(text: str) -> list[int]:
    """The token ids that a client would send for a text."""
    return tiktoken.get_encoding("litotes_tiny").encode(text)


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


@pytest.mark.parametrize("encoding_format", ["float", "base64"])
def test_token_ids_get_the_vectors_of_their_text(
    client: httpx.Client, encoding_format: str
) -> None:
    texts = [*TEXTS, "naïve no"]
    arrays = [ids_of(text) for text in texts]
    assert max(map(max, arrays)) > 255  # the ids are not bytes only
    form = {"encoding_format": encoding_format}
    by_ids = client.post("/v1/embeddings", json={"input": arrays} | form)
    by_text = client.post("/v1/embeddings", json={"input": texts} | form)
    assert by_ids.status_code == 200, by_ids.text
    assert by_ids.json() == by_text.json()
    assert by_ids.headers["x-token-encoding"] == "litotes_tiny"
    assert "x-token-encoding" not in by_text.headers


def test_the_token_ids_of_one_text_are_one_input(client: httpx.Client) -> None:
    alone = client.post("/v1/embeddings", json={"input": ids_of(TEXTS[1])}).json()
    assert alone == client.post("/v1/embeddings", json={"input": TEXTS[1]}).json()


def test_as_many_token_arrays_as_texts_are_taken(client: httpx.Client) -> None:
    body = client.post("/v1/embeddings", json={"input": [ids_of("no")] * 2048}).json()
    assert [item["index"] for item in body["data"]] == list(range(2048))


def test_half_a_character_of_token_ids_is_replaced(client: httpx.Client) -> None:
    half, replaced = (
        client.post("/v1/embeddings", json={"input": given})
        for given in ([[*ids_of("no"), 0xC3]], "no\ufffd")
    )
    assert half.status_code == 200
    assert half.json() == replaced.json()


@pytest.mark.parametrize(
    ("encoding", "words"),
    [(None, "set --token-encoding"), ("absent_encoding", "TIKTOKEN_CACHE_DIR")],
)
def test_a_server_that_cannot_read_token_ids_says_what_to_do(
    settings: Settings, encoding: str | None, words: str
) -> None:
    without = settings.model_copy(update={"token_encoding": encoding})
    with serving(without) as url:
        response = httpx.post(f"{url}/v1/embeddings", json={"input": [[1, 2]]})
        assert httpx.post(f"{url}/v1/embeddings", json={"input": ["no"]}).status_code == 200
    error = response.json()["error"]
    assert response.status_code == 422
    assert (error["param"], error["code"]) == ("input", "token_ids_not_supported")
    assert words in error["message"]
    assert "check_embedding_ctx_length=False" in error["message"]


def test_null_stands_for_what_is_not_said(client: httpx.Client) -> None:
    nothing = dict.fromkeys(("model", "encoding_format", "dimensions", "user"))
    body = client.post("/v1/embeddings", json={"input": "no"} | nothing)
    assert body.json() == client.post("/v1/embeddings", json={"input": "no"}).json()


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
        ({"input": [[1], [400000]]}, 422, ("input", "invalid_value", 1), "`input[1]` holds 400000"),
        ({"input": [[-1]]}, 422, ("input", "invalid_value", 0), "`input[0]` holds -1"),
        ({"input": [10**30]}, 422, ("input", "invalid_value", 0), "`input[0]` holds 1000"),
        ({"input": [390]}, 422, ("input", "invalid_value", 0), "not a token id of litotes_tiny"),
        ({"input": [[110], []]}, 400, ("input", "empty_input", 1), "`input[1]` cannot be empty"),
        ({"input": [[110], [32]]}, 400, ("input", "empty_input", 1), "`input[1]` cannot be empty"),
        (
            {"input": [110, "a"]},
            422,
            ("input", "invalid_value", 1),
            "`input[1]` must be an integer",
        ),
        ({"input": [110, True]}, 422, ("input", "invalid_value", 1), "must be an integer"),
        ({"input": [110, [110]]}, 422, ("input", "invalid_value", 1), "must be an integer"),
        ({"input": [[110], "a"]}, 422, ("input", "invalid_value", 1), "list of token ids"),
        ({"input": [[110], 110]}, 422, ("input", "invalid_value", 1), "list of token ids"),
        ({"input": [[1], [1, 0.5]]}, 422, ("input", "invalid_value", 1), "and its item 1 is none"),
        ({"input": ["a", [110]]}, 422, ("input", "invalid_value", 1), "send the text itself"),
        ({"input": [[1]] * 2049}, 422, ("input", "too_many_inputs", None), "batch size 2049"),
        ({"input": [True]}, 422, ("input", "invalid_value", 0), "`input[0]` must be a string"),
        ({"input": [None]}, 422, ("input", "invalid_value", 0), "`input[0]` must be a string"),
        ({"input": {"text": "a"}}, 422, ("input", "invalid_value", None), "must be a string or a"),
        (
            {"input": "a", "dimensions": 10**9},
            422,
            ("dimensions", "invalid_value", None),
            "smaller",
        ),
        ({"input": "a", "dimensions": "8"}, 422, ("dimensions", "invalid_value", None), "integer"),
        (
            {"input": "a", "user": 3},
            422,
            ("user", "invalid_value", None),
            "`user` must be a string",
        ),
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


def test_infinitys_default_of_0_dimensions_means_all_and_other_modalities_are_refused(
    client: httpx.Client,
) -> None:
    body = {"input": "the drug works", "dimensions": 0}
    whole = client.post("/embeddings", json=body | {"modality": "text"})
    assert (
        whole.json()["data"]
        == client.post("/embeddings", json=body | {"dimensions": None}).json()["data"]
    )
    assert client.post("/embeddings", json=body).status_code == 422
    image = client.post("/embeddings", json=body | {"modality": "image"})
    assert (image.status_code, image.json()["error"]["param"]) == (422, "modality")

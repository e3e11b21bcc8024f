"""Ollama's routes, over a real server on tiny models."""

from __future__ import annotations

import json
from datetime import datetime

import httpx
import numpy as np
import pytest

from service import __version__

TEXTS = ["the drug works", "the drug does not work", "a hotel without a pool"]
LONG = "no pool and " * 40


def post(client: httpx.Client, path: str = "/api/embed", **body: object) -> httpx.Response:
    return client.post(path, content=json.dumps({"model": "tiny", **body}))


def embed(client: httpx.Client, **body: object) -> np.ndarray:
    return np.array(client.post("/embed", json={"inputs": TEXTS, **body}).json())


def test_a_list_is_answered_in_ollama_s_fields(client: httpx.Client) -> None:
    response = post(client, input=TEXTS)
    answer = response.json()
    names = {"model", "embeddings", "total_duration", "load_duration", "prompt_eval_count"}
    assert set(answer) == names
    assert answer["model"] == "tiny"
    np.testing.assert_allclose(answer["embeddings"], embed(client), atol=1e-6)
    assert answer["prompt_eval_count"] == int(response.headers["x-compute-tokens"])


def test_durations_are_nanoseconds(client: httpx.Client) -> None:
    response = post(client, input=TEXTS)
    answer = response.json()
    assert isinstance(answer["total_duration"], int)
    assert 10_000 < answer["total_duration"] < response.elapsed.total_seconds() * 1e9
    assert answer["load_duration"] == 0


def test_one_string_gives_one_vector(client: httpx.Client) -> None:
    found = post(client, input=TEXTS[0]).json()["embeddings"]
    np.testing.assert_allclose(found, embed(client)[:1], atol=1e-6)


@pytest.mark.parametrize("body", [{"input": ""}, {"input": []}, {"input": None}, {}])
def test_nothing_gives_no_vectors(client: httpx.Client, body: dict[str, object]) -> None:
    response = post(client, **body)
    assert response.status_code == 200
    assert (response.json()["embeddings"], response.json()["prompt_eval_count"]) == ([], 0)


def test_dimensions_cuts_the_vector_and_scales_it_again(client: httpx.Client) -> None:
    found = post(client, input=TEXTS, dimensions=3).json()["embeddings"]
    np.testing.assert_allclose(found, embed(client, dimensions=3), atol=1e-6)


def test_the_weight_of_the_polarity_part_can_be_chosen(two_part_client: httpx.Client) -> None:
    body = {"model": "tiny-two-part", "negation_weight": 0.9}
    found = post(two_part_client, input=TEXTS, **body).json()["embeddings"]
    np.testing.assert_allclose(found, embed(two_part_client, negation_weight=0.9), atol=1e-6)
    (one,) = embed(two_part_client, inputs=["no"], negation_weight=0.9)
    older = post(two_part_client, "/api/embeddings", prompt="no", **body).json()["embedding"]
    np.testing.assert_allclose(older, one, atol=1e-6)


def test_the_older_route_gives_one_vector(client: httpx.Client) -> None:
    answer = post(client, "/api/embeddings", prompt=TEXTS[1], options={"num_ctx": 512}).json()
    assert set(answer) == {"embedding"}
    np.testing.assert_allclose(answer["embedding"], embed(client)[1], atol=1e-6)
    for body in ({"prompt": ""}, {}):
        assert post(client, "/api/embeddings", **body).json() == {"embedding": []}


def test_what_was_cut_is_said_in_a_header(client: httpx.Client) -> None:
    response = post(client, input=["no", LONG], truncate=True)
    assert response.headers["x-truncated-inputs"] == "1"
    older = post(client, "/api/embeddings", prompt=LONG)
    assert older.headers["x-truncated-inputs"] == "prompt"


def test_a_text_that_may_not_be_cut_is_refused_in_ollama_s_words(client: httpx.Client) -> None:
    response = post(client, input=["no", LONG], truncate=False)
    error = response.json()
    assert (response.status_code, error["index"]) == (400, 1)
    assert error["error"].startswith("the input length exceeds the context length: `input[1]`")


@pytest.mark.parametrize("name", ["tiny", "tiny:latest"])
def test_a_model_may_be_named_with_its_tag(client: httpx.Client, name: str) -> None:
    answer = post(client, model=name, input="no").json()
    assert answer["model"] == name


def test_the_served_model_is_listed(client: httpx.Client) -> None:
    (model,) = client.get("/api/tags").json()["models"]
    assert model["name"] == model["model"] == "tiny:latest"
    assert datetime.fromisoformat(model["modified_at"]).tzinfo is not None
    assert model["size"] > 1000
    assert (model["details"]["format"], model["details"]["family"]) == ("onnx", "bert")
    assert client.get("/api/version").json() == {"version": __version__}


@pytest.mark.parametrize(
    ("path", "body", "status", "index", "words"),
    [
        ("/api/embed", {"input": ["no", ""]}, 400, 1, "`input[1]` cannot be empty"),
        ("/api/embed", {"input": [""]}, 400, 0, "`input[0]` cannot be empty"),
        ("/api/embed", {"input": ["no", "\udc00"]}, 400, 1, "holds a lone surrogate"),
        ("/api/embed", {"input": 3}, 400, None, "`input` is an invalid input type: must be"),
        ("/api/embed", {"input": {"a": 1}}, 400, None, "invalid input type"),
        ("/api/embed", {"input": ["no", 3]}, 400, 1, "`input[1]` is an invalid input type"),
        ("/api/embed", {"input": [1, 2]}, 400, None, "invalid input type: holds token ids"),
        ("/api/embed", {"input": ["no"] * 2049}, 400, None, "batch size 2049"),
        ("/api/embed", {"input": "no", "dimensions": 0}, 400, None, "`dimensions` should be"),
        ("/api/embed", {"input": "no", "dimensions": 9000}, 400, None, "`dimensions` should be"),
        ("/api/embed", {"input": "no", "truncate": 1}, 400, None, "`truncate` must be"),
        ("/api/embed", {"input": "no", "model": "llama"}, 404, None, "model 'llama' not found"),
        ("/api/embed", {"input": "no", "model": None}, 400, None, "`model` must be a string"),
        ("/api/embed", {"input": "no", "negation_weight": 2}, 400, None, "`negation_weight`"),
        ("/api/embeddings", {"prompt": ["no"]}, 400, None, "`prompt` must be a string"),
        ("/api/embeddings", {"prompt": " "}, 400, None, "`prompt` cannot be empty"),
        ("/api/embeddings", {"prompt": "no", "model": "llama"}, 404, None, "not found"),
    ],
)
def test_bad_input_is_refused_in_a_sentence_with_its_place(
    *,
    client: httpx.Client,
    path: str,
    body: dict[str, object],
    status: int,
    index: int | None,
    words: str,
) -> None:
    response = post(client, path, **body)
    error = response.json()
    assert (response.status_code, error.get("index")) == (status, index), error
    assert words in error["error"]
    assert set(error) <= {"error", "index"}


@pytest.mark.parametrize("path", ["/api/embed", "/api/embeddings"])
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"no", 400),
        (b"[]", 400),
        (b'{"input": "no"}', 400),
        (b'{"model": "tiny", "dimensions": NaN}', 400),
        (b'{"model": "' + b"x" * 10_000_000 + b'"}', 413),
    ],
)
def test_a_body_that_is_none_is_refused(
    client: httpx.Client, path: str, body: bytes, status: int
) -> None:
    response = client.post(path, content=body)
    assert response.status_code == status
    assert set(response.json()) == {"error"}


def test_an_unknown_route_answers_in_the_same_shape(client: httpx.Client) -> None:
    response = client.post("/api/pull", json={"model": "tiny"})
    assert response.status_code == 404
    assert response.json() == {"error": "there is no such route: POST /api/pull"}

"""text-embeddings-inference's /embed, over a real server on tiny models."""

from __future__ import annotations

import json

import httpx
import numpy as np
import pytest

TEXTS = ["the drug works", "the drug does not work", "no patient died", "patients died"]
LONG = "not " * 600


def embed(client: httpx.Client, **body: object) -> httpx.Response:
    return client.post("/embed", content=json.dumps(body))


def vectors_of(response: httpx.Response) -> np.ndarray:
    assert response.status_code == 200, response.text
    return np.array(response.json(), dtype=np.float64)


def test_one_string_gives_a_matrix_of_one_row(client: httpx.Client) -> None:
    assert vectors_of(embed(client, inputs=TEXTS[0])).shape == (1, dimensions(client))


def dimensions(client: httpx.Client) -> int:
    return int(client.get("/info").json()["dimensions"])


def test_each_text_of_a_list_gets_the_vector_it_gets_alone(client: httpx.Client) -> None:
    together = vectors_of(embed(client, inputs=TEXTS))
    alone = [vectors_of(embed(client, inputs=text))[0] for text in TEXTS]
    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)


def test_each_token_gets_its_vector_and_their_mean_is_that_of_the_text(
    client: httpx.Client,
) -> None:
    response = client.post("/embed_all", json={"inputs": [*TEXTS, LONG]})
    assert response.status_code == 200, response.text
    raw = vectors_of(embed(client, inputs=[*TEXTS, LONG], normalize=False))
    matrices = [np.array(matrix) for matrix in response.json()]
    tokens = client.post("/tokenize", json={"inputs": TEXTS}).json()
    limit = client.get("/info").json()["max_input_length"]
    assert [len(matrix) for matrix in matrices] == [*map(len, tokens), limit]
    for matrix, whole in zip(matrices, raw, strict=True):
        np.testing.assert_allclose(matrix.mean(axis=0), whole, atol=1e-5)
    assert response.headers["x-truncated-inputs"] == str(len(TEXTS))
    assert int(response.headers["x-compute-tokens"]) == sum(map(len, matrices))


def test_tokens_have_the_same_vectors_alone_and_in_company(client: httpx.Client) -> None:
    together = client.post("/embed_all", json={"inputs": TEXTS}).json()
    for text, matrix in zip(TEXTS, together, strict=True):
        (alone,) = client.post("/embed_all", json={"inputs": text}).json()
        np.testing.assert_allclose(matrix, alone, atol=1e-6)


def test_a_model_of_one_vector_a_text_has_none_a_token(two_part_client: httpx.Client) -> None:
    response = two_part_client.post("/embed_all", json={"inputs": "no"})
    assert (response.status_code, response.json()["error_type"]) == (424, "Backend")
    assert "one vector a text" in response.json()["error"]


@pytest.mark.parametrize(
    ("body", "status", "index", "words"),
    [
        ({}, 422, None, "`inputs` is required"),
        ({"inputs": []}, 400, None, "`inputs` cannot be empty"),
        ({"inputs": ["a", ""]}, 400, 1, "`inputs[1]` cannot be empty"),
        ({"inputs": ["a", 3]}, 422, 1, "`inputs[1]` must be a string"),
        ({"inputs": [[101]]}, 422, 0, "send the text itself"),
        ({"inputs": ["a", LONG], "truncate": False}, 422, 1, "`inputs[1]` must have at most"),
        ({"inputs": "a", "prompt_name": "none such"}, 422, None, "`prompt_name`"),
        ({"inputs": "a", "truncation_direction": "up"}, 422, None, "`truncation_direction`"),
    ],
)
def test_bad_input_gets_no_token_vectors(
    client: httpx.Client, body: object, status: int, index: int | None, words: str
) -> None:
    response = client.post("/embed_all", json=body)
    assert response.status_code == status
    assert response.json().get("index") == index
    assert words in response.json()["error"]


def test_dimensions_cuts_the_vector_and_scales_it_again(client: httpx.Client) -> None:
    whole = vectors_of(embed(client, inputs=TEXTS))
    short = vectors_of(embed(client, inputs=TEXTS, dimensions=3))
    expected = whole[:, :3] / np.linalg.norm(whole[:, :3], axis=1, keepdims=True)
    np.testing.assert_allclose(short, expected, atol=1e-6)


def test_normalize_false_leaves_the_length_of_the_vector(client: httpx.Client) -> None:
    raw = vectors_of(embed(client, inputs=TEXTS, normalize=False))
    unit = vectors_of(embed(client, inputs=TEXTS))
    lengths = np.linalg.norm(raw, axis=1, keepdims=True)
    assert not np.allclose(lengths, 1, atol=1e-3)
    np.testing.assert_allclose(raw / lengths, unit, atol=1e-5)


@pytest.mark.parametrize("alias", ["Left", "left"])
def test_a_text_can_be_cut_on_its_left(client: httpx.Client, alias: str) -> None:
    limit = client.get("/info").json()["max_input_length"]
    text = "patient " * limit + "not " * limit
    cut_right = vectors_of(embed(client, inputs=text))
    cut_left = vectors_of(embed(client, inputs=text, truncation_direction=alias))
    assert cut_right @ cut_left.T < 0.99


def test_what_was_cut_is_said_in_a_header(client: httpx.Client) -> None:
    response = embed(client, inputs=["no", LONG, "not", LONG])
    assert response.headers["x-truncated-inputs"] == "1,3"
    assert response.headers["x-truncated-count"] == "2"
    assert "x-truncated-inputs" not in embed(client, inputs=["no"]).headers


def test_the_header_of_many_cut_texts_is_bounded(client: httpx.Client) -> None:
    headers = embed(client, inputs=[LONG] * 120).headers
    assert headers["x-truncated-inputs"].split(",") == [str(index) for index in range(100)]
    assert headers["x-truncated-count"] == "120"


def test_a_text_that_may_not_be_cut_is_refused_with_its_index_and_length(
    client: httpx.Client,
) -> None:
    response = embed(client, inputs=["no", LONG], truncate=False)
    body = response.json()
    assert (response.status_code, body["error_type"], body["index"]) == (422, "Validation", 1)
    assert body["error"].startswith("`inputs[1]` must have")
    assert "602" in body["error"]


def test_the_headers_tell_where_the_time_went(client: httpx.Client) -> None:
    headers = embed(client, inputs=["no", "not"]).headers
    for name in ("compute", "total", "tokenization", "queue", "inference"):
        assert headers[f"x-{name}-time"].isdecimal()
    assert headers["x-compute-characters"] == "5"
    assert headers["x-compute-tokens"] == "6"
    assert headers["x-compute-type"] == client.get("/info").json()["provider"]


def test_a_request_id_is_echoed_or_given(client: httpx.Client) -> None:
    echoed = client.post("/embed", json={"inputs": "no"}, headers={"x-request-id": "trace-7"})
    assert echoed.headers["x-request-id"] == "trace-7"
    for given in ("", "two words", "x" * 300):
        answer = client.post("/embed", json={"inputs": ""}, headers={"x-request-id": given})
        assert answer.headers["x-request-id"] not in ("", given)


@pytest.mark.parametrize(
    "content_type", [None, "application/x-www-form-urlencoded", "text/plain", "application/json"]
)
def test_the_content_type_is_not_asked_for(client: httpx.Client, content_type: str | None) -> None:
    headers = {"content-type": content_type} if content_type else {}
    response = client.post("/embed", content=b'{"inputs": "no"}', headers=headers)
    assert response.status_code == 200


def test_fields_that_we_do_not_know_are_ignored(client: httpx.Client) -> None:
    options = {"wait_for_model": True}
    assert embed(client, inputs="no", options=options, encoding_format="float").status_code == 200


EMPTY = (400, "Empty")
INVALID = (422, "Validation")


@pytest.mark.parametrize(
    ("body", "expected", "index", "words"),
    [
        ({}, INVALID, None, "`inputs` is required"),
        ([], INVALID, None, "the body must be a JSON object"),
        (None, INVALID, None, "the body must be a JSON object"),
        ("text", INVALID, None, "the body must be a JSON object"),
        ({"inputs": []}, EMPTY, None, "`inputs` cannot be empty"),
        ({"inputs": ""}, EMPTY, 0, "`inputs[0]` cannot be empty"),
        ({"inputs": ["a", ""]}, EMPTY, 1, "`inputs[1]` cannot be empty"),
        ({"inputs": ["a", " \t\n\u00a0"]}, EMPTY, 1, "`inputs[1]` cannot be empty"),
        ({"inputs": ["a", "\x00"]}, EMPTY, 1, "`inputs[1]` cannot be empty"),
        ({"inputs": None}, INVALID, None, "`inputs` must be a string or a list of strings"),
        ({"inputs": 7}, INVALID, None, "`inputs` must be a string or a list of strings"),
        ({"inputs": {"text": "a"}}, INVALID, None, "`inputs` must be a string or a list"),
        ({"inputs": ["a", None]}, INVALID, 1, "`inputs[1]` must be a string"),
        ({"inputs": ["a", True]}, INVALID, 1, "`inputs[1]` must be a string"),
        ({"inputs": ["a", "b", 0.5]}, INVALID, 2, "`inputs[2]` must be a string"),
        ({"inputs": [["a", "b"]]}, INVALID, 0, "`inputs[0]` must be a string"),
        ({"inputs": ["a", "\ud800 b"]}, INVALID, 1, "`inputs[1]` holds a lone surrogate"),
        ({"inputs": [101, 102]}, INVALID, None, "send the text itself"),
        ({"inputs": ["a", [101, 102]]}, INVALID, 1, "send the text itself"),
        ({"inputs": ["a"] * 2049}, INVALID, None, "batch size 2049 > maximum allowed batch size"),
        ({"inputs": "a", "truncate": "yes"}, INVALID, None, "`truncate` must be a boolean"),
        ({"inputs": "a", "truncation_direction": "up"}, INVALID, None, "`truncation_direction`"),
        ({"inputs": "a", "normalize": 1}, INVALID, None, "`normalize` must be a boolean"),
        ({"inputs": "a", "dimensions": 0}, INVALID, None, "`dimensions` should be positive"),
        ({"inputs": "a", "dimensions": -3}, INVALID, None, "`dimensions` should be positive"),
        ({"inputs": "a", "dimensions": 10**30}, INVALID, None, "`dimensions` should be smaller"),
        ({"inputs": "a", "dimensions": 2.5}, INVALID, None, "`dimensions` must be an integer"),
        ({"inputs": "a", "prompt_name": "no such"}, INVALID, None, "`prompt_name`"),
        ({"inputs": "a", "prompt_name": "\udfff"}, INVALID, None, "`prompt_name`"),
        ({"inputs": "a", "prompt_name": "x" * 9000}, INVALID, None, "`prompt_name`"),
        ({"inputs": "a", "negation_weight": 0.5}, INVALID, None, "`negation_weight`"),
        ({"inputs": "a", "negation_weight": 10**400}, INVALID, None, "`negation_weight`"),
    ],
)
def test_bad_input_is_refused_in_a_sentence_with_its_place(
    client: httpx.Client, body: object, expected: tuple[int, str], index: int | None, words: str
) -> None:
    response = client.post("/embed", content=json.dumps(body))
    error = response.json()
    assert (response.status_code, error["error_type"]) == expected
    assert error.get("index") == index
    assert words in error["error"]
    assert len(error["error"]) < 600


def test_the_weight_of_the_polarity_part_can_be_chosen(two_part_client: httpx.Client) -> None:
    info = two_part_client.get("/info").json()
    general = info["general_dimensions"]
    for weight in (0, 0.25, 1):
        rows = vectors_of(embed(two_part_client, inputs=TEXTS, negation_weight=weight))
        np.testing.assert_allclose((rows[:, :general] ** 2).sum(axis=1), 1 - weight, atol=1e-5)
        np.testing.assert_allclose((rows[:, general:] ** 2).sum(axis=1), weight, atol=1e-5)
    given = vectors_of(embed(two_part_client, inputs=TEXTS))
    own = vectors_of(embed(two_part_client, inputs=TEXTS, negation_weight=info["negation_weight"]))
    np.testing.assert_allclose(given, own, atol=1e-6)


@pytest.mark.parametrize("weight", [-0.1, 1.5, "half", True])
def test_a_weight_that_is_no_share_is_refused(
    two_part_client: httpx.Client, weight: object
) -> None:
    response = embed(two_part_client, inputs="no", negation_weight=weight)
    assert response.status_code == 422
    assert "`negation_weight`" in response.json()["error"]

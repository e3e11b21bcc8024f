"""/similarity in its three forms, over a real server on tiny models."""

from __future__ import annotations

import math

import httpx
import numpy as np
import pytest

TEXTS = ["the drug works", "the drug does not work", "no patient died", "patients died"]
LONG = "not " * 600

EMPTY = (400, "Empty")
INVALID = (422, "Validation")


def similarity(client: httpx.Client, **body: object) -> list[float]:
    response = client.post("/similarity", json=body)
    assert response.status_code == 200, response.text
    cosines: list[float] = response.json()
    return cosines


def test_the_three_forms_of_similarity_agree_with_the_vectors(client: httpx.Client) -> None:
    source, *sentences = TEXTS
    vectors = np.array(client.post("/embed", json={"inputs": TEXTS}).json())
    expected = vectors[1:] @ vectors[0]
    nested = {"source_sentence": source, "sentences": sentences}
    pairs = [[source, sentence] for sentence in sentences]
    for body in (
        {"inputs": nested, "parameters": {}},
        {"inputs": nested},
        nested,
        {"pairs": pairs},
    ):
        np.testing.assert_allclose(similarity(client, **body), expected, atol=1e-5)


def test_a_text_is_entirely_similar_to_itself_and_no_more(client: httpx.Client) -> None:
    cosines = similarity(client, pairs=[[text, text] for text in TEXTS])
    assert all(math.isclose(cosine, 1, abs_tol=1e-6) and cosine <= 1 for cosine in cosines)


def test_the_weight_of_a_similarity_stands_in_either_place(two_part_client: httpx.Client) -> None:
    source, *sentences = TEXTS
    nested = {"source_sentence": source, "sentences": sentences}
    flat = similarity(two_part_client, **nested, negation_weight=0.9)
    assert not np.allclose(flat, similarity(two_part_client, **nested), atol=1e-3)
    for body in (
        {"inputs": nested, "negation_weight": 0.9},
        {"inputs": nested, "parameters": {"negation_weight": 0.9}},
        {"pairs": [[source, sentence] for sentence in sentences], "negation_weight": 0.9},
    ):
        np.testing.assert_allclose(similarity(two_part_client, **body), flat, atol=1e-5)


def test_what_a_similarity_cut_is_said_by_its_place(client: httpx.Client) -> None:
    body = {"source_sentence": LONG, "sentences": ["no", LONG]}
    headers = client.post("/similarity", json=body).headers
    assert headers["x-truncated-inputs"] == "source_sentence,1"
    headers = client.post("/similarity", json={"pairs": [["no", "not"], [LONG, LONG]]}).headers
    assert headers["x-truncated-inputs"] == "1"


COMPARED = {"source_sentence": "a", "sentences": ["b"]}


@pytest.mark.parametrize(
    ("body", "expected", "index", "words"),
    [
        ({}, INVALID, None, "send `inputs` with"),
        ([COMPARED], INVALID, None, "send `inputs` with"),
        ({"inputs": ["a", "b"]}, INVALID, None, "`inputs` must be a JSON object"),
        ({"inputs": {"sentences": ["b"]}}, INVALID, None, "`inputs.source_sentence` is required"),
        ({"inputs": {"source_sentence": "a"}}, INVALID, None, "`inputs.sentences` is required"),
        ({"sentences": ["b"]}, INVALID, None, "`source_sentence` is required"),
        (COMPARED | {"sentences": []}, EMPTY, None, "`sentences` cannot be empty"),
        (COMPARED | {"sentences": "b"}, INVALID, None, "`sentences` must be a list"),
        (COMPARED | {"sentences": ["b", 3]}, INVALID, 1, "`sentences[1]` must be a string"),
        (COMPARED | {"sentences": ["b", "  "]}, EMPTY, 1, "`sentences[1]` cannot be empty"),
        (COMPARED | {"source_sentence": ""}, EMPTY, None, "`source_sentence` cannot be empty"),
        (COMPARED | {"sentences": ["b"] * 2048}, INVALID, None, "batch size"),
        (COMPARED | {"truncate": 0}, INVALID, None, "`truncate` must be a boolean"),
        (COMPARED | {"sentences": [LONG], "truncate": False}, INVALID, 0, "`sentences[0]` must"),
        (
            {"inputs": COMPARED, "parameters": {"truncate": 0}},
            INVALID,
            None,
            "`parameters.truncate` must be a boolean",
        ),
        ({"pairs": []}, EMPTY, None, "`pairs` cannot be empty"),
        ({"pairs": "ab"}, INVALID, None, "`pairs` must be a list"),
        ({"pairs": [["a", "b"], ["c"]]}, INVALID, 1, "`pairs[1]` must be a list of two strings"),
        ({"pairs": [["a", "b", "c"]]}, INVALID, 0, "`pairs[0]` must be a list of two strings"),
        ({"pairs": [["a", 1]]}, INVALID, 0, "`pairs[0]` must be a list of two strings"),
        ({"pairs": [["a", "b"], ["c", ""]]}, EMPTY, 1, "`pairs[1][1]` cannot be empty"),
    ],
)
def test_a_bad_comparison_is_refused_in_a_sentence_with_its_place(
    client: httpx.Client, body: object, expected: tuple[int, str], index: int | None, words: str
) -> None:
    response = client.post("/similarity", json=body)
    error = response.json()
    assert (response.status_code, error["error_type"]) == expected
    assert error.get("index") == index
    assert words in error["error"]

"""`POST /`, which tells by the shape of a body what is wanted, over a real server."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

TEXTS = ["the drug works", "the drug does not work"]
COMPARED = {"inputs": {"source_sentence": TEXTS[0], "sentences": TEXTS}}
RANKED = {"query": "no pool", "texts": ["a hotel", "no pool"]}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/embed", {"inputs": TEXTS[0]}),
        ("/embed", {"inputs": TEXTS, "normalize": False, "dimensions": 3}),
        ("/embed", {"inputs": TEXTS, "prompt_name": "query", "options": {"use_cache": True}}),
        ("/similarity", COMPARED | {"parameters": {}}),
        ("/rerank", RANKED | {"return_text": True}),
        ("/predict", {"inputs": [TEXTS]}),
        ("/predict", {"inputs": [TEXTS, TEXTS], "raw_scores": True}),
    ],
)
def test_a_body_is_answered_as_the_route_of_its_shape_does(
    reranking_client: httpx.Client, path: str, body: dict[str, Any]
) -> None:
    root, route = (reranking_client.post(each, json=body) for each in ("/", path))
    assert route.status_code == 200, route.text
    assert root.json() == route.json()
    headers = {name for name in route.headers if name.startswith("x-")}
    assert headers == {name for name in root.headers if name.startswith("x-")}


@pytest.mark.parametrize(
    ("body", "status", "index", "words"),
    [
        ({}, 422, None, "send `inputs`, or `query` and `texts`"),
        ([], 422, None, "send `inputs`, or `query` and `texts`"),
        ("text", 422, None, "send `inputs`, or `query` and `texts`"),
        ({"inputs": None}, 422, None, "`inputs` must be a string or a list of strings"),
        ({"inputs": []}, 400, None, "`inputs` cannot be empty"),
        ({"inputs": ["a", 3]}, 422, 1, "`inputs[1]` must be a string"),
        ({"inputs": [[101, 102]]}, 422, 0, "send the text itself"),
        ({"inputs": [["a"]]}, 422, 0, "`inputs[0]` is one text"),
        ({"inputs": {}}, 422, None, "`inputs.source_sentence` is required"),
        ({"inputs": {"source_sentence": "a", "sentences": []}}, 400, None, "`inputs.sentences`"),
        ({"query": "a"}, 422, None, "`texts` is required"),
        ({"texts": ["a"]}, 422, None, "`query` is required"),
        ({"inputs": "a", "dimensions": 0}, 422, None, "`dimensions` should be positive"),
    ],
)
def test_bad_input_is_refused_as_the_route_of_its_shape_does(
    reranking_client: httpx.Client, body: object, status: int, index: int | None, words: str
) -> None:
    response = reranking_client.post("/", content=json.dumps(body))
    error = response.json()
    assert response.status_code == status, response.text
    assert error.get("index") == index
    assert words in error["error"]


@pytest.mark.parametrize("body", [RANKED, {"inputs": [TEXTS]}])
def test_what_needs_a_pair_model_is_refused_without_one(
    encoder_only_client: httpx.Client, body: dict[str, Any]
) -> None:
    assert encoder_only_client.post("/", json={"inputs": "no"}).status_code == 200
    response = encoder_only_client.post("/", json=body)
    assert (response.status_code, response.json()["error_type"]) == (424, "Backend")


@pytest.mark.parametrize("path", ["/", "/ping"])
def test_the_other_names_of_health_are_served(client: httpx.Client, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.content) == (200, b"")

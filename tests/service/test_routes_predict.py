"""text-embeddings-inference's /predict, over a real server on tiny models."""

from __future__ import annotations

import json
import math
from typing import Any

import httpx
import pytest

PAIR = ["the drug works", "the drug does not work"]
PAIRS = [PAIR, ["no pool", "a hotel without a pool"], ["bad", "not good"]]
LABELS = {"equivalence", "contradiction", "hedge", "neutral"}
LONG = "not " * 60
INVALID, EMPTY = (422, "Validation"), (400, "Empty")


def predict(client: httpx.Client, **body: object) -> httpx.Response:
    return client.post("/predict", content=json.dumps(body))


def predictions(client: httpx.Client, **body: object) -> Any:  # noqa: ANN401 - as JSON has it
    response = predict(client, **body)
    assert response.status_code == 200, response.text
    return response.json()


def test_a_pair_gets_its_labels_the_best_first(client: httpx.Client) -> None:
    found = predictions(client, inputs=PAIR)
    scores = [each["score"] for each in found]
    assert {each["label"] for each in found} == LABELS
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) == pytest.approx(1, abs=1e-6)


def test_several_pairs_get_a_list_each_in_order(client: httpx.Client) -> None:
    together = predictions(client, inputs=PAIRS)
    assert len(together) == len(PAIRS)
    for pair, found in zip(PAIRS, together, strict=True):
        alone = predictions(client, inputs=pair)
        assert [each["label"] for each in found] == [each["label"] for each in alone]
        for one, other in zip(found, alone, strict=True):
            assert one["score"] == pytest.approx(other["score"], abs=1e-5)
    assert predictions(client, inputs=[PAIR]) == [predictions(client, inputs=PAIR)]


def test_the_scores_are_those_of_the_negation_check(client: httpx.Client) -> None:
    found = predictions(client, inputs=PAIR)
    checked = client.post("/negation-check", json=dict(zip("ab", PAIR, strict=True))).json()
    assert {each["label"]: each["score"] for each in found} == checked["scores"]


def test_raw_scores_are_what_the_probabilities_were_made_of(client: httpx.Client) -> None:
    raw = {e["label"]: e["score"] for e in predictions(client, inputs=PAIR, raw_scores=True)}
    scores = {each["label"]: each["score"] for each in predictions(client, inputs=PAIR)}
    total = sum(map(math.exp, raw.values()))
    assert total != pytest.approx(1, abs=1e-3)
    assert {label: math.exp(logit) / total for label, logit in raw.items()} == pytest.approx(scores)


def test_a_pair_that_was_cut_is_said_in_a_header(client: httpx.Client) -> None:
    response = predict(client, inputs=[PAIR, [LONG, "no"]])
    assert response.headers["x-truncated-inputs"] == "1"
    for name in ("compute", "total", "tokenization", "queue", "inference"):
        assert response.headers[f"x-{name}-time"].isdecimal()
    assert response.headers["x-compute-type"] == "CPUExecutionProvider"
    assert int(response.headers["x-compute-characters"]) == len("".join([*PAIR, LONG, "no"]))


def test_the_end_that_is_cut_can_be_chosen(client: httpx.Client) -> None:
    pair = ["patient " * 40 + "no " * 40, "bad"]
    right, left = (
        predictions(client, inputs=pair, truncation_direction=end) for end in ("Right", "left")
    )
    assert right != left
    assert predictions(client, inputs=["no " * 40, "bad"]) == left


@pytest.mark.parametrize(
    ("body", "expected", "index", "words"),
    [
        ({}, INVALID, None, "`inputs` is required"),
        ({"inputs": None}, INVALID, None, "`inputs` must be a pair of strings"),
        ({"inputs": 3}, INVALID, None, "`inputs` must be a pair of strings"),
        ({"inputs": "one text"}, INVALID, None, "send a pair of strings"),
        ({"inputs": ["one text"]}, INVALID, None, "send a pair of strings"),
        ({"inputs": ["a", "b", "c"]}, INVALID, None, "must be a pair of strings"),
        ({"inputs": []}, EMPTY, None, "`inputs` cannot be empty"),
        ({"inputs": ["a", ""]}, EMPTY, 1, "`inputs[1]` cannot be empty"),
        ({"inputs": [PAIR, ["one text"]]}, INVALID, 1, "`inputs[1]` is one text"),
        ({"inputs": [PAIR, ["a", "b", "c"]]}, INVALID, 1, "`inputs[1]` must be a list"),
        ({"inputs": [PAIR, []]}, INVALID, 1, "`inputs[1]` must be a list of two"),
        ({"inputs": [PAIR, "a"]}, INVALID, 1, "`inputs[1]` must be a list of two"),
        ({"inputs": [PAIR, ["a", 3]]}, INVALID, 1, "`inputs[1]` must be a list of two"),
        ({"inputs": [PAIR, ["a", " "]]}, EMPTY, 1, "`inputs[1][1]` cannot be empty"),
        ({"inputs": [["a", "\ud800"]]}, INVALID, 0, "`inputs[0][1]` holds a lone"),
        ({"inputs": [PAIR] * 2049}, INVALID, None, "batch size 2049"),
        ({"inputs": PAIR, "raw_scores": 1}, INVALID, None, "`raw_scores` must be"),
        ({"inputs": PAIR, "truncate": "no"}, INVALID, None, "`truncate` must be"),
        (
            {"inputs": [PAIR, [LONG, "no"]], "truncate": False},
            INVALID,
            1,
            "`inputs[1]` must have at most",
        ),
        ({"inputs": [LONG, "no"], "truncate": False}, INVALID, None, "`inputs` must"),
    ],
)
def test_bad_input_is_refused_with_its_place(
    client: httpx.Client,
    body: dict[str, Any],
    expected: tuple[int, str],
    index: int | None,
    words: str,
) -> None:
    response = predict(client, **body)
    error = response.json()
    assert (response.status_code, error["error_type"]) == expected, response.text
    assert error.get("index") == index
    assert words in error["error"]


def test_without_a_pair_model_there_is_nothing_to_predict_with(
    encoder_only_client: httpx.Client,
) -> None:
    response = predict(encoder_only_client, inputs=PAIR)
    assert (response.status_code, response.json()["error_type"]) == (424, "Backend")

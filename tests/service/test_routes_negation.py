"""/negation-check, over a real server on tiny models."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import httpx
import numpy as np
import pytest
from tiny_models import MAX_TOKENS

from service.cues import Cue
from service.routes import negation
from service.routes.portions import PORTION

RELATIONS = {"equivalence", "contradiction", "hedge", "neutral"}
PAIRS = [
    {"a": "the drug works", "b": "the drug does not work"},
    {"a": "patients died", "b": "no patient died"},
    {"a": "the drug works", "b": "the drug works"},
]
LONG = "not " * 900


def check(client: httpx.Client, body: object) -> Any:  # noqa: ANN401 - as JSON has it
    response = client.post("/negation-check", content=json.dumps(body))
    assert response.status_code == 200, response.text
    return response.json()


def test_each_pair_gets_its_result_in_order(client: httpx.Client) -> None:
    results = check(client, {"pairs": PAIRS})
    assert len(results) == len(PAIRS)
    for pair, result in zip(PAIRS, results, strict=True):
        alone = check(client, pair)
        assert result["relation"] == alone["relation"]
        assert result["scores"] == pytest.approx(alone["scores"], abs=1e-5)
        assert result["cues"] == alone["cues"]


def test_a_result_has_the_four_scores_and_the_relation_they_lead_to(client: httpx.Client) -> None:
    for result in check(client, {"pairs": PAIRS}):
        assert set(result) == {"relation", "scores", "similarity", "cues"}
        assert set(result["scores"]) == RELATIONS
        assert sum(result["scores"].values()) == pytest.approx(1, abs=1e-5)
        assert result["relation"] in (None, max(result["scores"], key=result["scores"].get))


def test_the_similarity_is_that_of_the_embeddings(client: httpx.Client) -> None:
    expected = client.post(
        "/similarity", json={"pairs": [[pair["a"], pair["b"]] for pair in PAIRS]}
    ).json()
    results = check(client, {"pairs": PAIRS})
    np.testing.assert_allclose([result["similarity"] for result in results], expected, atol=1e-6)


def test_the_order_within_a_pair_makes_no_difference_to_the_scores(client: httpx.Client) -> None:
    forward = check(client, {"a": PAIRS[0]["a"], "b": PAIRS[0]["b"]})
    backward = check(client, {"a": PAIRS[0]["b"], "b": PAIRS[0]["a"]})
    assert forward["scores"] == pytest.approx(backward["scores"], abs=1e-5)
    assert forward["cues"] == {"a": backward["cues"]["b"], "b": backward["cues"]["a"]}


def test_the_cues_have_the_offsets_of_their_words(client: httpx.Client) -> None:
    text = "😀 It does not work."
    cues = check(client, {"a": text, "b": "It works."})["cues"]
    (cue,) = cues["a"]
    assert cue == {"text": "not", "kind": "explicit", "start": 10, "end": 13}
    assert text[cue["start"] : cue["end"]] == "not"
    assert cues["b"] == []


def test_cues_are_looked_for_in_what_the_model_can_have_read(client: httpx.Client) -> None:
    limit = 250 * MAX_TOKENS
    text = "not " * limit
    cues = check(client, {"a": "It works.", "b": text})["cues"]["b"]
    assert [cue["start"] for cue in cues] == list(range(0, limit, 4))
    assert all(text[cue["start"] : cue["end"]] == cue["text"] for cue in cues)


def test_a_request_that_is_given_up_looks_for_no_more_cues(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()
    seen: list[str] = []

    def find_slowly(text: str) -> list[Cue]:
        seen.append(text)
        begun.set()
        assert go_on.wait(30)
        if text == "b":
            ended.set()
        return []

    async def give_up() -> None:
        pairs = [("a" * PORTION, "b")] * 10
        finding = asyncio.create_task(negation.find_pair_cues(pairs, PORTION))
        await asyncio.to_thread(begun.wait, 30)
        finding.cancel()
        go_on.set()
        await asyncio.wait([finding])
        assert finding.cancelled()
        # The thread does not know of it, and ends its portion, which is one pair.
        assert await asyncio.to_thread(ended.wait, 30)

    monkeypatch.setattr(negation, "find_cues", find_slowly)
    asyncio.run(give_up())
    assert len(seen) == 2


def test_the_cues_of_many_short_pairs_keep_their_order() -> None:
    pairs = [("no " * (number % 50), "not") for number in range(700)]
    cues = asyncio.run(negation.find_pair_cues(pairs, 1000))
    assert [len(both["a"]) for both in cues] == [number % 50 for number in range(700)]
    assert all(len(both["b"]) == 1 for both in cues)


def test_a_pair_that_was_cut_is_said_in_a_header(client: httpx.Client) -> None:
    body = {"pairs": [PAIRS[0], {"a": "no", "b": LONG}]}
    headers = client.post("/negation-check", json=body).headers
    assert headers["x-truncated-inputs"] == "1"


def test_the_weight_changes_the_similarity_and_not_the_scores(
    two_part_client: httpx.Client,
) -> None:
    plain = check(two_part_client, PAIRS[0])
    blind = check(two_part_client, PAIRS[0] | {"negation_weight": 0})
    assert blind["similarity"] != pytest.approx(plain["similarity"], abs=1e-3)
    assert blind["scores"] == pytest.approx(plain["scores"], abs=1e-5)


def test_without_a_pair_model_the_route_is_of_the_wrong_type(
    encoder_only_client: httpx.Client,
) -> None:
    response = encoder_only_client.post("/negation-check", json=PAIRS[0])
    assert response.status_code == 424
    assert response.json() == {
        "error": "no pair model is loaded: start the server with --pair-model",
        "error_type": "Backend",
    }


@pytest.mark.parametrize(
    ("body", "status", "index", "words"),
    [
        ({}, 422, None, "send `a` and `b`, or `pairs`"),
        ([PAIRS[0]], 422, None, "send `a` and `b`, or `pairs`"),
        ({"a": "x"}, 422, None, "`b` is required"),
        ({"a": "x", "b": None}, 422, None, "`b` must be a string"),
        ({"a": "x", "b": " "}, 400, None, "`b` cannot be empty"),
        ({"pairs": []}, 400, None, "`pairs` cannot be empty"),
        ({"pairs": {"a": "x", "b": "y"}}, 422, None, "`pairs` must be a list"),
        ({"pairs": [PAIRS[0], {"a": "x"}]}, 422, 1, "`pairs[1].b` is required"),
        ({"pairs": [PAIRS[0], ["x", "y"]]}, 422, 1, "`pairs[1]` must be a JSON object"),
        ({"pairs": [PAIRS[0], {"a": "", "b": "y"}]}, 400, 1, "`pairs[1].a` cannot be empty"),
        ({"pairs": [{"a": "x", "b": "\udc00"}]}, 422, 0, "`pairs[0].b` holds a lone surrogate"),
        ({"pairs": [PAIRS[0]] * 2049}, 422, None, "batch size 2049"),
        ({"a": "x", "b": LONG, "truncate": False}, 422, None, "`b` must have"),
        ({"pairs": [{"a": "x", "b": LONG}], "truncate": False}, 422, 0, "`pairs[0].b` must have"),
    ],
)
def test_bad_input_is_refused_in_a_sentence_with_its_place(
    client: httpx.Client, body: object, status: int, index: int | None, words: str
) -> None:
    response = client.post("/negation-check", content=json.dumps(body))
    error = response.json()
    assert response.status_code == status
    assert error.get("index") == index
    assert words in error["error"]

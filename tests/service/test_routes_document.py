"""/negation-check with a claim and passages, over a real server on tiny models."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from tiny_models import MAX_TOKENS, THRESHOLD

from service.sentences import split_sentences

CLAIM = "The drug works."
PASSAGES = [
    "The trial was good. The drug does not work! Patients may never lower mortality.",
    "A hotel without a pool.",
    "😀 The drug works.  The drug works in patients.",
    "No pool. No drug? No trial. Bad. Not good.",
]
RELATIONS = {"equivalence", "contradiction", "hedge", "neutral"}


def post(client: httpx.Client, body: object) -> httpx.Response:
    return client.post("/negation-check", content=json.dumps(body))


def check(client: httpx.Client, claim: str, passages: list[str], **more: object) -> Any:  # noqa: ANN401
    response = post(client, {"claim": claim, "passages": passages, **more})
    assert response.status_code == 200, response.text
    return response.json()


def judged(client: httpx.Client, claim: str, passage: str) -> list[dict[str, float]]:
    """The scores of each sentence of a passage, from the route's other form."""
    pairs = [{"a": claim, "b": sentence.text} for sentence in split_sentences(passage)]
    return [result["scores"] for result in post(client, {"pairs": pairs}).json()]


def decide(scores: list[dict[str, float]]) -> tuple[str, int]:
    for relation in ("contradiction", "equivalence", "hedge"):
        best = max(range(len(scores)), key=lambda n: scores[n][relation])
        if scores[best][relation] >= THRESHOLD:
            return relation, best
    return "neutral", max(range(len(scores)), key=lambda n: scores[n]["neutral"])


def test_each_passage_is_told_by_its_most_decisive_sentence(client: httpx.Client) -> None:
    results = check(client, CLAIM, PASSAGES)["results"]
    assert len(results) == len(PASSAGES)
    for passage, result in zip(PASSAGES, results, strict=True):
        scores = judged(client, CLAIM, passage)
        relation, best = decide(scores)
        sentence = list(split_sentences(passage))[best]
        assert result["relation"] == relation
        assert result["scores"] == pytest.approx(scores[best], abs=1e-5)
        assert result["sentence"]["text"] == sentence.text
        assert result["sentences"] == len(scores)
    assert {len(result["sentence"]) for result in results} == {3}
    assert [result["sentences"] for result in results] == [3, 1, 2, 5]


def test_the_sentence_is_found_at_its_place(client: httpx.Client) -> None:
    for passage, result in zip(PASSAGES, check(client, CLAIM, PASSAGES)["results"], strict=True):
        assert set(result) == {"relation", "scores", "sentence", "sentences"}
        assert set(result["scores"]) == RELATIONS
        sentence = result["sentence"]
        assert passage[sentence["start"] : sentence["end"]] == sentence["text"]


def test_the_verdict_follows_from_the_relations(client: httpx.Client) -> None:
    seen = set()
    for claim in (CLAIM, "no pool", "bad", "the trial was good", "patients may work"):
        for passages in ([passage] for passage in PASSAGES):
            answer = check(client, claim, passages)
            seen.add((answer["results"][0]["relation"], answer["verdict"]))
    expected = {
        ("contradiction", "contradicted"),
        ("equivalence", "supported"),
        ("hedge", "unclear"),
        ("neutral", "unclear"),
    }
    assert seen <= expected
    assert len(seen) > 1


def test_a_passage_is_told_alike_alone_and_in_company(client: httpx.Client) -> None:
    together = check(client, CLAIM, PASSAGES * 20)["results"]
    for place, passage in enumerate(PASSAGES):
        (alone,) = check(client, CLAIM, [passage])["results"]
        for result in together[place :: len(PASSAGES)]:
            assert result["sentence"] == alone["sentence"]
            assert result["relation"] == alone["relation"]
            assert result["scores"] == pytest.approx(alone["scores"], abs=1e-5)


def test_what_was_cut_is_said_in_a_header_or_refused(client: httpx.Client) -> None:
    passages = ["Good.", "Bad. " + "no " * (MAX_TOKENS + 5) + ". Good.", "Good."]
    body = {"claim": CLAIM, "passages": passages}
    assert post(client, body).headers["x-truncated-inputs"] == "1"
    response = post(client, body | {"truncate": False})
    assert (response.status_code, response.json()["index"]) == (422, 1)
    assert response.json()["error"].startswith("`passages[1]` must have at most 32 tokens")


def test_the_timing_is_told_in_headers(client: httpx.Client) -> None:
    headers = post(client, {"claim": "no", "passages": ["Bad. Good.", "😀"]}).headers
    # Both orders of three pairs: of "no" with "bad .", "good ." and an unknown word.
    assert headers["x-compute-tokens"] == str(2 * (6 + 6 + 5))
    assert headers["x-compute-characters"] == "13"
    assert headers["x-inference-time"].isdecimal()
    assert "x-truncated-inputs" not in headers


@pytest.mark.parametrize(
    "text",
    [
        "日本語の文。これは違う。",
        "😀 👩‍👩‍👧!",
        "यह नहीं है।",
        "...!?",
        "[SEP] not [MASK].",
        "no " * 300,
        "a" * 5000,
    ],
)
def test_odd_texts_are_answered_and_nothing_moves(client: httpx.Client, text: str) -> None:
    passages = [PASSAGES[0], text, PASSAGES[0], text]
    results = check(client, CLAIM, passages)["results"]
    for result, passage in zip(results, passages, strict=True):
        sentence = result["sentence"]
        assert passage[sentence["start"] : sentence["end"]] == sentence["text"]
    assert results[0]["sentence"] == results[2]["sentence"]
    assert results[1]["sentence"] == results[3]["sentence"]
    assert len(check(client, text, PASSAGES)["results"]) == len(PASSAGES)


def test_pieces_without_content_are_no_sentences(client: httpx.Client) -> None:
    (result,) = check(client, CLAIM, ["Good.\n\n\u200b\n\n\ufffd\n\n Bad."])["results"]
    assert result["sentences"] == 2


def test_limits_name_the_passage(strict_client: httpx.Client) -> None:
    body = {"claim": "no", "passages": ["Good.", "Bad. Bad. Bad."]}
    assert post(strict_client, body).status_code == 200
    response = post(strict_client, {"claim": "no", "passages": ["Good.", "Bad. " * 4]})
    assert response.status_code == 422
    assert response.json() == {
        "error": "`passages[1]` must have at most 3 sentences",
        "error_type": "Validation",
        "index": 1,
    }
    response = post(strict_client, {"claim": "no", "passages": ["Bad. Bad. Bad."] * 3})
    assert (response.status_code, response.json()["index"]) == (422, 2)
    assert response.json()["error"].startswith("`passages[2]`: with it the request has 9 sentences")
    response = post(strict_client, {"claim": "no", "passages": ["Bad."] * 9})
    assert (response.status_code, response.json().get("index")) == (422, None)
    assert "batch size 9" in response.json()["error"]


def test_without_a_pair_model_the_route_is_of_the_wrong_type(
    encoder_only_client: httpx.Client,
) -> None:
    response = post(encoder_only_client, {"claim": CLAIM, "passages": PASSAGES})
    assert (response.status_code, response.json()["error_type"]) == (424, "Backend")


@pytest.mark.parametrize(
    ("body", "status", "index", "words"),
    [
        ({"claim": "x"}, 422, None, "`passages` is required"),
        ({"passages": ["x"]}, 422, None, "`claim` is required"),
        ({"claim": None, "passages": ["x"]}, 422, None, "`claim` must be a string"),
        ({"claim": "x", "passages": "y"}, 422, None, "`passages` must be a list"),
        ({"claim": "x", "passages": ["y", 3]}, 422, 1, "`passages[1]` must be a string"),
        ({"claim": "x", "passages": []}, 400, None, "`passages` cannot be empty"),
        ({"claim": " ", "passages": ["y"]}, 400, None, "`claim` cannot be empty"),
        ({"claim": "\u200b", "passages": ["y"]}, 400, None, "`claim` cannot be empty"),
        ({"claim": "x", "passages": ["y", ""]}, 400, 1, "`passages[1]` cannot be empty"),
        ({"claim": "x", "passages": ["y", "\u200b"]}, 400, 1, "`passages[1]` cannot be empty"),
        ({"claim": "x", "passages": ["y", "\udc00"]}, 422, 1, "`passages[1]` holds a lone"),
        ({"claim": "\ud800", "passages": ["y"]}, 422, None, "`claim` holds a lone surrogate"),
        ({"claim": "x", "passages": ["y"] * 2049}, 422, None, "batch size 2049"),
        ({"claim": "x", "passages": ["Yes. " * 257]}, 422, 0, "at most 256 sentences"),
        (
            {"claim": "x", "passages": ["Not so. " * 250] * 9},
            422,
            8,
            "`passages[8]`: with it the request has 2250 sentences",
        ),
    ],
)
def test_bad_input_is_refused_in_a_sentence_with_its_place(
    client: httpx.Client, body: object, status: int, index: int | None, words: str
) -> None:
    response = post(client, body)
    error = response.json()
    assert response.status_code == status
    assert error.get("index") == index
    assert words in error["error"]


def test_ten_thousand_words_without_a_stop_are_answered(client: httpx.Client) -> None:
    (result,) = check(client, CLAIM, ["drug " * 10_000])["results"]
    assert result["sentences"] == 26

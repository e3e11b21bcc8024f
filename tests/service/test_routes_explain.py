"""/negation-check with `explain`, over a real server on tiny models."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from service.cues import find_cues
from service.explanation import find_words, without

PAIRS = [
    {"a": "the drug works", "b": "the drug does not work"},
    {"a": "patients died", "b": "no longer may a patient work"},
    {"a": "the drug works", "b": "the drug works"},
]


def post(client: httpx.Client, body: object) -> httpx.Response:
    return client.post("/negation-check", content=json.dumps(body))


def check(client: httpx.Client, body: object) -> Any:  # noqa: ANN401 - as JSON has it
    response = post(client, body)
    assert response.status_code == 200, response.text
    return response.json()


def test_an_effect_is_the_score_with_the_word_minus_the_one_without(client: httpx.Client) -> None:
    results = check(client, {"pairs": PAIRS, "explain": True})
    for pair, result in zip(PAIRS, results, strict=True):
        whole = result["scores"]["contradiction"]
        for side, effects in result["explanation"].items():
            words = find_words(pair[side], find_cues(pair[side]))
            assert sorted(effect["start"] for effect in effects) == [word.start for word in words]
            for word in words:
                occluded = pair | {side: without(pair[side], word)}
                score = check(client, occluded)["scores"]["contradiction"]
                (effect,) = (e["effect"] for e in effects if e["start"] == word.start)
                assert effect == pytest.approx(whole - score, abs=1e-5)


def test_without_the_effects_a_result_is_what_it_is_unasked(client: httpx.Client) -> None:
    explained = check(client, {"pairs": PAIRS, "explain": True})
    for plain, result in zip(check(client, {"pairs": PAIRS}), explained, strict=True):
        assert set(result) - set(plain) == {"explanation"}
        assert result["relation"] == plain["relation"]
        assert result["cues"] == plain["cues"]
        assert result["scores"] == pytest.approx(plain["scores"], abs=1e-5)
    assert set(explained[0]["explanation"]) == {"a", "b"}
    assert "explanation" not in check(client, PAIRS[0] | {"explain": False})


def test_the_largest_effect_comes_first_and_of_two_alike_the_earlier_word(
    client: httpx.Client,
) -> None:
    bodies = [*PAIRS, {"a": "the the the the", "b": "no no no"}]
    for result in check(client, {"pairs": bodies, "explain": True}):
        for effects in result["explanation"].values():
            keys = [(-abs(effect["effect"]), effect["start"]) for effect in effects]
            assert keys == sorted(keys)


def test_the_same_request_gets_the_same_answer(client: httpx.Client) -> None:
    body = {"pairs": PAIRS * 5, "explain": True}
    assert check(client, body) == check(client, body)


def test_a_cue_is_one_word_and_every_place_is_that_of_its_text(client: httpx.Client) -> None:
    text = "😀 The pool is no longer good (or dry)."
    effects = check(client, {"a": text, "b": "It is.", "explain": True})["explanation"]["a"]
    assert {effect["text"] for effect in effects} >= {"😀", "no longer", "good", "or", "dry"}
    for effect in effects:
        assert set(effect) == {"text", "start", "end", "effect"}
        assert text[effect["start"] : effect["end"]] == effect["text"]
        assert -1 <= effect["effect"] <= 1


def test_a_single_pair_gets_a_single_explanation(client: httpx.Client) -> None:
    (listed,) = check(client, {"pairs": [PAIRS[0]], "explain": True})
    alone = check(client, PAIRS[0] | {"explain": True})
    for side in ("a", "b"):
        for one, other in zip(listed["explanation"][side], alone["explanation"][side], strict=True):
            assert one["text"] == other["text"]
            assert one["effect"] == pytest.approx(other["effect"], abs=1e-5)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("no", 1),
        ("No.", 1),
        ("😀", 1),
        ("👩‍👩‍👧 ёж नहीं 這不是", 4),
        ("... !?", 0),
        ("[SEP] not [MASK]", 3),
        ("no no no", 3),
        ("a-b_c/d", 1),
    ],
)
def test_odd_texts_are_explained(client: httpx.Client, text: str, count: int) -> None:
    pairs = [PAIRS[0], {"a": text, "b": text}, PAIRS[1]]
    results = check(client, {"pairs": pairs, "explain": True})
    explanation = results[1]["explanation"]
    assert [len(explanation["a"]), len(explanation["b"])] == [count, count]
    for place in (0, 2):
        alone = check(client, pairs[place] | {"explain": True})
        assert [e["text"] for e in alone["explanation"]["b"]] == [
            e["text"] for e in results[place]["explanation"]["b"]
        ]


def test_too_many_words_are_refused_with_their_pair(client: httpx.Client) -> None:
    few, many = {"a": "no " * 50, "b": "no " * 50}, {"a": "no " * 50, "b": "no " * 51}
    assert post(client, {"pairs": [few], "explain": True}).status_code == 200
    assert post(client, {"pairs": [few, many]}).status_code == 200
    response = post(client, {"pairs": [few, many], "explain": True})
    assert response.status_code == 422
    assert response.json() == {
        "error": "`pairs[1]` must have at most 100 words to be explained. Given: 101",
        "error_type": "Validation",
        "index": 1,
    }
    alone = post(client, many | {"explain": True})
    assert alone.status_code == 422
    assert alone.json()["error"].startswith("`a, b` must have at most 100 words")


def test_the_words_of_all_pairs_are_limited_too(strict_client: httpx.Client) -> None:
    pair = {"a": "no pool", "b": "a pool"}
    assert post(strict_client, {"pairs": [pair] * 2, "explain": True}).status_code == 200
    assert post(strict_client, {"pairs": [pair] * 8}).status_code == 200
    response = post(strict_client, {"pairs": [pair] * 3, "explain": True})
    assert (response.status_code, response.json()["index"]) == (422, 2)
    assert response.json()["error"].startswith("`pairs[2]`: with it the request has 12 words")
    response = post(strict_client, {"pairs": [pair, {"a": "no " * 6, "b": "a"}], "explain": True})
    assert "at most 5 words" in response.json()["error"]


@pytest.mark.parametrize(
    ("body", "status", "index", "words"),
    [
        ({"pairs": [PAIRS[0], {"a": "x"}]}, 422, 1, "`pairs[1].b` is required"),
        ({"pairs": [PAIRS[0], {"a": "", "b": "y"}]}, 400, 1, "`pairs[1].a` cannot be empty"),
        ({"pairs": [{"a": "x", "b": "\u200b"}]}, 400, 0, "`pairs[0].b` cannot be empty"),
        ({"pairs": [{"a": "x", "b": "\udc00"}]}, 422, 0, "`pairs[0].b` holds a lone surrogate"),
        ({"pairs": []}, 400, None, "`pairs` cannot be empty"),
        ({"pairs": [PAIRS[0]] * 2049}, 422, None, "batch size 2049"),
        ({"pairs": [PAIRS[0]] * 2000}, 422, 256, "has 2056 words to explain"),
        ({"a": "x"}, 422, None, "`b` is required"),
        ({"a": "x", "b": "word " * 10_000}, 422, None, "at most 100 words"),
        ({"a": "x", "b": "no " * 60, "truncate": False}, 422, None, "`b` must have"),
        ({"a": "x", "b": "y", "explain": "yes"}, 422, None, "`explain` must be a boolean"),
    ],
)
def test_bad_input_is_refused_in_a_sentence_with_its_place(
    client: httpx.Client, body: dict[str, Any], status: int, index: int | None, words: str
) -> None:
    response = post(client, {"explain": True} | body)
    error = response.json()
    assert response.status_code == status
    assert error.get("index") == index
    assert words in error["error"]

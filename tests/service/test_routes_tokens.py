"""text-embeddings-inference's /tokenize and /decode, over a real server on tiny models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from serving import serving
from tiny_models import PROMPTS, build_tokenizer

from service.settings import Settings

TEXT = "The drug works, no patients."


def post(client: httpx.Client, path: str, **body: object) -> httpx.Response:
    return client.post(path, content=json.dumps(body))


def tokens(client: httpx.Client, **body: object) -> Any:  # noqa: ANN401 - as JSON has it
    response = post(client, "/tokenize", **body)
    assert response.status_code == 200, response.text
    return response.json()


def test_each_token_has_its_part_of_the_text(client: httpx.Client) -> None:
    (found,) = tokens(client, inputs=TEXT)
    first, *inner, last = found
    number = build_tokenizer().token_to_id
    assert first == {
        "id": number("[CLS]"),
        "text": "[CLS]",
        "special": True,
        "start": None,
        "stop": None,
    }
    assert (last["text"], last["special"]) == ("[SEP]", True)
    assert inner[0] == {"id": number("the"), "text": "The", "special": False, "start": 0, "stop": 3}
    for token in inner:
        assert not token["special"]
        assert token["text"] == TEXT[token["start"] : token["stop"]]
    assert "".join(token["text"] for token in inner) == TEXT.replace(" ", "")


def test_offsets_count_characters_and_not_bytes(client: httpx.Client) -> None:
    text = "né 😀 no drug"
    (found,) = tokens(client, inputs=[text], add_special_tokens=False)
    assert [token["text"] for token in found][-2:] == ["no", "drug"]
    assert found[-1]["start"] == text.index("drug")


def test_special_tokens_can_be_left_out(client: httpx.Client) -> None:
    (whole,) = tokens(client, inputs=TEXT)
    assert tokens(client, inputs=[TEXT], add_special_tokens=False) == [whole[1:-1]]


def test_a_prompt_stands_before_the_text(client: httpx.Client) -> None:
    prompt = PROMPTS["query"]
    (found,) = tokens(client, inputs="no drug", prompt_name="query", add_special_tokens=False)
    whole = prompt + "no drug"
    assert [whole[token["start"] : token["stop"]] for token in found] == [
        *prompt.split(),
        "no",
        "drug",
    ]


def test_nothing_is_cut_and_many_texts_come_in_order(client: httpx.Client) -> None:
    texts = ["no " * count for count in range(1, 200)]
    found = tokens(client, inputs=texts)
    assert [len(each) for each in found] == [count + 2 for count in range(1, 200)]


def test_a_text_without_content_has_special_tokens_only(client: httpx.Client) -> None:
    found = tokens(client, inputs=["", " "])
    assert [[token["text"] for token in each] for each in found] == [["[CLS]", "[SEP]"]] * 2


def test_decoding_undoes_tokenising(client: httpx.Client) -> None:
    texts = ["the drug works", "no pool"]
    ids = [[token["id"] for token in each] for each in tokens(client, inputs=texts)]
    assert post(client, "/decode", ids=ids).json() == texts
    assert post(client, "/decode", ids=ids[0]).json() == texts[:1]
    whole = post(client, "/decode", ids=ids[1], skip_special_tokens=False).json()
    assert whole == ["[CLS] no pool [SEP]"]


INVALID, EMPTY = (422, "Validation"), (400, "Empty")


@pytest.mark.parametrize(
    ("path", "body", "expected", "where"),
    [
        ("/tokenize", {}, INVALID, (None, "`inputs` is required")),
        ("/tokenize", {"inputs": []}, EMPTY, (None, "`inputs` cannot be empty")),
        ("/tokenize", {"inputs": ["a", 3]}, INVALID, (1, "`inputs[1]` must be a string")),
        ("/tokenize", {"inputs": ["a", "\ud800"]}, INVALID, (1, "`inputs[1]` holds a lone")),
        ("/tokenize", {"inputs": ["a"] * 2049}, INVALID, (None, "batch size 2049")),
        ("/tokenize", {"inputs": ["a", "a" * 9000]}, INVALID, (1, "`inputs[1]` must have at most")),
        ("/tokenize", {"inputs": "a", "prompt_name": "x"}, INVALID, (None, "`prompt_name`")),
        ("/tokenize", {"inputs": "a", "add_special_tokens": 0}, INVALID, (None, "`add_special")),
        ("/decode", {}, INVALID, (None, "`ids` is required")),
        ("/decode", {"ids": []}, EMPTY, (None, "`ids` cannot be empty")),
        ("/decode", {"ids": [[2], []]}, EMPTY, (1, "`ids[1]` cannot be empty")),
        ("/decode", {"ids": "no"}, INVALID, (None, "`ids` must be a list of token ids")),
        ("/decode", {"ids": 2}, INVALID, (None, "`ids` must be a list of token ids")),
        ("/decode", {"ids": [2, "a"]}, INVALID, (1, "`ids[1]` must be an integer")),
        ("/decode", {"ids": [[2], 2]}, INVALID, (1, "`ids[1]` must be a list of token ids")),
        ("/decode", {"ids": [[2], [2, True]]}, INVALID, (1, "`ids[1]` must hold integers only")),
        (
            "/decode",
            {"ids": [[2], [2, 10**6]]},
            INVALID,
            (1, "`ids[1]` holds 1000000, which is not"),
        ),
        ("/decode", {"ids": [[-1]]}, INVALID, (0, "`ids[0]` holds -1")),
        ("/decode", {"ids": [10**30]}, INVALID, (0, "which is not a token id of this model")),
        ("/decode", {"ids": [[2]] * 2049}, INVALID, (None, "batch size 2049")),
    ],
)
def test_bad_input_is_refused_with_its_place(
    client: httpx.Client,
    path: str,
    body: dict[str, Any],
    expected: tuple[int, str],
    where: tuple[int | None, str],
) -> None:
    index, words = where
    response = post(client, path, **body)
    error = response.json()
    assert (response.status_code, error["error_type"]) == expected, response.text
    assert error.get("index") == index
    assert words in error["error"]


@pytest.fixture(scope="module")
def bounded_client(settings: Settings) -> Iterator[httpx.Client]:
    bounded = settings.model_copy(update={"max_listed_tokens": 100, "max_token_vectors": 100})
    with serving(bounded) as url, httpx.Client(base_url=url) as http:
        yield http


@pytest.mark.parametrize("path", ["/tokenize", "/embed_all"])
def test_there_is_a_limit_to_the_tokens_of_an_answer(
    bounded_client: httpx.Client, path: str
) -> None:
    assert post(bounded_client, path, inputs=["no " * 8] * 10).status_code == 200
    response = post(bounded_client, path, inputs=["no " * 8] * 11)
    error = response.json()
    assert (response.status_code, error["error_type"]) == INVALID
    assert error["error"].startswith("`inputs`")
    assert "100" in error["error"]

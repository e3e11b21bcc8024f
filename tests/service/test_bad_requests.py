"""What no route of OpenAI's or text-embeddings-inference's family may stumble over.

What is wrong with one field of one route is in that route's own tests.
"""

from __future__ import annotations

import gzip
import json
from typing import Any, NamedTuple

import httpx
import pytest

TEXTS = ["the drug works", "the drug does not work"]

GOOD: dict[str, dict[str, Any]] = {
    "/v1/embeddings": {"input": TEXTS},
    "/embeddings": {"input": TEXTS},
    "/embed": {"inputs": TEXTS},
    "/embed_all": {"inputs": TEXTS},
    "/similarity": {"inputs": {"source_sentence": TEXTS[0], "sentences": TEXTS}},
    "/predict": {"inputs": [TEXTS]},
    "/rerank": {"query": TEXTS[0], "texts": TEXTS},
    "/tokenize": {"inputs": TEXTS},
    "/decode": {"ids": [[5, 6]]},
    "/": {"inputs": TEXTS},
}


class Sent(NamedTuple):
    """A request that is made of a good body, and what becomes of it."""

    status: int
    words: str = ""
    content: bytes | None = None
    content_type: str = "application/json"
    coding: str | None = None


def requests(body: dict[str, Any]) -> dict[str, Sent]:
    """Every request by what is the matter with it."""
    good = json.dumps(body).encode()
    return {
        "nothing": Sent(200, content=good),
        "an unknown field": Sent(200, content=json.dumps(body | {"x": [{}]}).encode()),
        "a form's content type": Sent(
            200, content=good, content_type="application/x-www-form-urlencoded"
        ),
        "no content type that is one": Sent(200, content=good, content_type="?"),
        "a charset": Sent(200, content=good, content_type="application/json; charset=latin-1"),
        "gzip": Sent(200, content=gzip.compress(good), coding="gzip"),
        "gzip that is none": Sent(400, "the body is not gzip", good, coding="gzip"),
        "brotli": Sent(415, "content-encoding", good, coding="br"),
        "no body": Sent(400, "the body is empty", b""),
        "white space": Sent(400, "the body is empty", b" \n"),
        "not JSON": Sent(400, "the body is not JSON", good[:-1]),
        "not UTF-8": Sent(400, "the body is not UTF-8", good.replace(b"the", b"th\xe9") + b"\xff"),
        "NaN": Sent(400, "NaN is not a JSON number", good[:-1] + b', "dimensions": NaN}'),
        "infinity": Sent(400, "Infinity is not a JSON", good[:-1] + b', "x": -Infinity}'),
        "a key twice": Sent(400, "twice", good[:-1] + b", " + good[1:]),
        "a huge number": Sent(400, "too many digits", good[:-1] + b', "x": ' + b"9" * 5000 + b"}"),
        "a list": Sent(422, "", b"[]"),
        "a string": Sent(422, "", b'"text"'),
        "null": Sent(422, "", b"null"),
        "an empty object": Sent(422, "", b"{}"),
        "nulls": Sent(422, "", json.dumps(dict.fromkeys(body)).encode()),
        "objects": Sent(422, "", json.dumps({key: {"a": [1]} for key in body}).encode()),
        "ten megabytes": Sent(413, "over the limit", b" " * 10_000_000),
        "ten megabytes in gzip": Sent(
            413, "over the limit", gzip.compress(b" " * 10_000_000), coding="gzip"
        ),
    }


CASES = [
    pytest.param(path, sent, id=f"{path} {name}")
    for path, body in GOOD.items()
    for name, sent in requests(body).items()
]


@pytest.mark.parametrize(("path", "sent"), CASES)
def test_a_request_is_answered_or_refused_in_the_shape_of_its_family(
    reranking_client: httpx.Client, path: str, sent: Sent
) -> None:
    headers = {"content-type": sent.content_type}
    if sent.coding is not None:
        headers["content-encoding"] = sent.coding
    response = reranking_client.post(path, content=sent.content, headers=headers)
    assert response.status_code == sent.status, response.text
    if sent.status != 200:
        assert sent.words in message(path, response)


def message(path: str, response: httpx.Response) -> str:
    """What went wrong, from where the family has it; its other fields must be there too."""
    error = response.json()
    if "embeddings" in path:
        assert set(error["error"]) - {"index"} == {"message", "type", "param", "code"}
        assert error["error"]["type"] == "invalid_request_error"
        return str(error["error"]["message"])
    assert set(error) - {"index"} == {"error", "error_type"}
    assert error["error_type"] in ("Validation", "Empty")
    return str(error["error"])


@pytest.mark.parametrize("path", [path for path in GOOD if path != "/"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_another_method_is_not_allowed(
    reranking_client: httpx.Client, path: str, method: str
) -> None:
    response = reranking_client.request(method, path)
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert "does not allow the method" in message(path, response)


@pytest.mark.parametrize("path", list(GOOD))
def test_every_answer_is_documented_and_every_request_has_an_example(
    reranking_client: httpx.Client, path: str
) -> None:
    document = reranking_client.get("/openapi.json").json()
    operation = document["paths"][path]["post"]
    statuses = {"200", "400", "401", "408", "413", "415", "422", "424", "429", "503", "504"}
    assert statuses <= set(operation["responses"])
    assert operation["description"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    forms = [form["$ref"] for form in schema.get("oneOf", schema.get("anyOf", [schema]))]
    for form in forms:
        described = document["components"]["schemas"][form.rpartition("/")[2]]
        for example in described["examples"]:
            answer = reranking_client.post(path, json=example)
            # The tiny models know few tokens; a route for another model would answer 404.
            assert answer.status_code in (200, 422), answer.text

"""The routes of Weaviate's container, over a real server on tiny models."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence

import httpx
import numpy as np
import pytest
from serving import serving

from service.backend import OnnxBackend
from service.batching import Batcher
from service.encoding import Encoding
from service.settings import Settings

TEXT = "the drug does not work"
PROBES = ("/.well-known/live", "/.well-known/ready")


def post(client: httpx.Client, path: str = "/vectors", **body: object) -> httpx.Response:
    return client.post(path, content=json.dumps(body))


def embed(client: httpx.Client, **body: object) -> np.ndarray:
    return np.array(client.post("/embed", json={"inputs": TEXT, **body}).json())[0]


@pytest.mark.parametrize("path", ["/vectors", "/vectors/"])
def test_a_text_is_answered_with_its_vector(client: httpx.Client, path: str) -> None:
    # As the database sends it.
    config = {"pooling_strategy": "masked_mean", "task_type": None, "dimensions": None}
    sent = {"text": TEXT, "dims": 0, "vector": None, "error": "", "config": config}
    response = post(client, path, **sent)
    answer = response.json()
    assert set(answer) == {"text", "vector", "dim"}
    assert (answer["text"], answer["dim"]) == (TEXT, len(answer["vector"]))
    np.testing.assert_allclose(answer["vector"], embed(client), atol=1e-6)
    assert response.headers["x-compute-tokens"].isdecimal()


@pytest.mark.parametrize(
    ("task_type", "prompt_name"),
    [("query", "query"), ("passage", "passage"), ("", None), (None, None)],
)
def test_the_task_chooses_the_prompt(
    client: httpx.Client, task_type: str | None, prompt_name: str | None
) -> None:
    found = post(client, text=TEXT, config={"task_type": task_type}).json()["vector"]
    np.testing.assert_allclose(found, embed(client, prompt_name=prompt_name), atol=1e-6)


def test_the_vector_can_be_cut_and_weighed(two_part_client: httpx.Client) -> None:
    config = {"task_type": "query", "dimensions": 7, "negation_weight": 0.2}
    answer = post(two_part_client, text=TEXT, config=config).json()
    assert answer["dim"] == 7
    expected = embed(two_part_client, dimensions=7, negation_weight=0.2)
    np.testing.assert_allclose(answer["vector"], expected, atol=1e-6)


def test_what_was_cut_is_said_in_a_header(client: httpx.Client) -> None:
    assert post(client, text="no " * 60).headers["x-truncated-inputs"] == "text"


def test_the_model_is_described(client: httpx.Client) -> None:
    meta = client.get("/meta").json()
    assert (meta["model"], meta["model_type"]) == ("tiny", "bert")
    assert meta["dimensions"] == client.get("/info").json()["dimensions"]
    assert meta["prompts"] == ["passage", "query"]


@pytest.mark.parametrize("path", PROBES)
def test_a_loaded_server_answers_probes_with_nothing(client: httpx.Client, path: str) -> None:
    for response in (client.get(path), client.head(path)):
        assert (response.status_code, response.content) == (204, b"")


@pytest.mark.parametrize("path", PROBES)
def test_a_server_that_answers_no_texts_is_neither_ready_nor_live(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(Batcher, "ready", False)
    response = client.get(path)
    assert response.status_code == 503
    assert set(response.json()) == {"error"}


def test_probes_do_not_wait_behind_a_forward_pass(settings: Settings) -> None:
    entered, may_leave = threading.Event(), threading.Event()
    may_leave.set()
    run = OnnxBackend.run

    def held(backend: OnnxBackend, encodings: Sequence[Encoding]) -> np.ndarray:
        entered.set()
        may_leave.wait(30)
        return run(backend, encodings)

    answers: list[httpx.Response] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OnnxBackend, "run", held)
        with serving(settings) as url, httpx.Client(base_url=url) as client:
            may_leave.clear()
            entered.clear()
            asking = threading.Thread(target=lambda: answers.append(post(client, text=TEXT)))
            asking.start()
            try:
                assert entered.wait(30)
                for path in PROBES:
                    assert client.get(path).status_code == 204
                assert not answers
            finally:
                may_leave.set()
                asking.join(30)
    assert answers[0].status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ([], 422, "the body must be a JSON object"),
        ({}, 422, "`text` is required"),
        ({"text": ""}, 400, "`text` cannot be empty"),
        ({"text": "\u200b"}, 400, "`text` cannot be empty"),
        ({"text": ["no"]}, 422, "`text` must be a string"),
        ({"text": "\ud800"}, 422, "`text` holds a lone surrogate"),
        ({"text": "no", "config": "query"}, 422, "`config` must be a JSON object"),
        ({"text": "no", "config": {"task_type": "search"}}, 422, "`config.task_type` must be"),
        ({"text": "no", "config": {"dimensions": 0}}, 422, "`dimensions` should be positive"),
        ({"text": "no", "config": {"dimensions": 9000}}, 422, "`dimensions` should be smaller"),
        ({"text": "no", "config": {"negation_weight": 0.5}}, 422, "`negation_weight`"),
    ],
)
def test_bad_input_is_refused_in_a_sentence_with_its_place(
    client: httpx.Client, body: object, status: int, words: str
) -> None:
    response = client.post("/vectors", content=json.dumps(body))
    assert response.status_code == status
    assert words in response.json()["error"]
    assert set(response.json()) == {"error"}


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"no", 400), (b'{"text": NaN}', 400), (b" " * 10_000_000, 413)],
)
def test_a_body_that_is_none_is_refused(client: httpx.Client, body: bytes, status: int) -> None:
    response = client.post("/vectors", content=body)
    assert response.status_code == status
    assert set(response.json()) == {"error"}

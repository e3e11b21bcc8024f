"""An encoder behind HTTP: its vectors, what is tried again, and what ends the evaluation."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest
from chat_server import GOOD, SOON, ChatServer, Fault
from embedding_server import DIMENSIONS, embedding_server, openai_body, vector

from training.evaluation.encoding import unit
from training.evaluation.endpoint import BATCH, PROBE, RemoteEncoder
from training.evaluation.target import KEY_VARIABLE, read_target

KEY = "key-of-the-tests-0123456789"
TEXTS = [f"Lamp {number} is not lit." for number in range(2 * BATCH + 5)]
HTML = Fault(body="<!doctype html><p>Welcome</p>", headers={"Content-Type": "text/html"})
CONTRACTS = pytest.mark.parametrize("contract", ["openai", "tei"])


@pytest.fixture
def embedder(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    """An endpoint for embeddings, and a key for it in the environment."""
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    with embedding_server() as server:
        yield server


def open_encoder(server: ChatServer, contract: str = "openai", **options: float) -> RemoteEncoder:
    settings = {"timeout": 20.0, "retries": 2, **options}
    address = f"{contract}:{server.url}#lab/small"
    return RemoteEncoder(
        read_target(address), timeout=settings["timeout"], retries=int(settings["retries"])
    )


def sizes(server: ChatServer) -> list[int]:
    """How many texts each request held."""
    return [len(request.get("inputs", request.get("input"))) for request in server.requests]


def two(*rows: list[float]) -> Fault:
    """An answer of OpenAI's contract with such vectors."""
    return Fault(body=openai_body(list(rows)))


@CONTRACTS
def test_vectors_come_in_order_and_at_unit_length(contract: str, embedder: ChatServer) -> None:
    found = open_encoder(embedder, contract)(TEXTS)
    expected = unit(np.array([vector(text) for text in TEXTS]))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert found.dtype == np.float32
    assert sizes(embedder) == [1, BATCH, BATCH, 5]
    assert set(embedder.keys) == {f"Bearer {KEY}"}


def test_each_contract_is_asked_in_its_own_words(embedder: ChatServer) -> None:
    open_encoder(embedder, "openai")
    open_encoder(embedder, "tei")
    assert embedder.requests == [
        {"model": "lab/small", "input": [PROBE], "encoding_format": "float"},
        {"inputs": [PROBE], "truncate": True},
    ]


@CONTRACTS
@pytest.mark.parametrize(
    "fault",
    [
        Fault(429, "{}", headers=SOON),
        Fault(503, '{"error": "loading"}', headers=SOON),
        Fault(short=True),
    ],
    ids=["429", "503", "a body that breaks off"],
)
def test_what_may_go_better_is_tried_again(
    fault: Fault, contract: str, embedder: ChatServer
) -> None:
    encode = open_encoder(embedder, contract)
    embedder.faults = [GOOD, fault]
    found = encode(TEXTS)
    assert len(found) == len(TEXTS)
    assert sizes(embedder) == [1, BATCH, BATCH, BATCH, 5]


def test_retry_after_is_waited_for(embedder: ChatServer) -> None:
    embedder.faults = [Fault(429, "{}", headers={"Retry-After": "1"})]
    open_encoder(embedder)
    assert embedder.times[1] - embedder.times[0] >= 1


@CONTRACTS
@pytest.mark.parametrize("status", [413, 422])
def test_a_batch_that_is_too_large_is_halved_from_then_on(
    status: int, contract: str, embedder: ChatServer
) -> None:
    encode = open_encoder(embedder, contract)
    said = json.dumps({"error": "batch size 64 > maximum allowed batch size 32"})
    embedder.faults = [Fault(status, said)]
    found = encode(TEXTS)
    np.testing.assert_allclose(found[-1], unit(np.array([vector(TEXTS[-1])]))[0], atol=1e-6)
    half = BATCH // 2
    assert sizes(embedder) == [1, BATCH, half, half, half, half, 5]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            Fault(401, json.dumps({"error": {"message": f"Wrong key: {KEY}"}})),
            r"/embeddings: the key in EVALUATE_API_KEY is refused \(401\): Wrong key: \*\*\*$",
        ),
        (
            Fault(404, '{"error": {"message": "no such\\nmodel"}}'),
            r"no such path, or no model 'lab/small' \(404\): no such model$",
        ),
        (Fault(404, HTML.body, headers=HTML.headers), r"\(404\): an HTML page"),
        (HTML, r"answers HTML: is it the API's address \(openai:http://host/v1#model\)\?$"),
        (Fault(400, '{"error": "out of words"}'), r"status 400: out of words$"),
        (Fault(422, '{"error": "too long"}'), r"status 422: too long$"),
        (Fault(503, "", headers=SOON), r"status 503: without a word$"),
        (Fault(body="{}"), r"no vectors in the answer: data: Field required$"),
        (Fault(body='{"data": '), r"no vectors in the answer: Invalid JSON"),
    ],
    ids=["key", "model", "path", "HTML", "400", "422", "503", "no vectors", "cut off"],
)
def test_what_no_call_can_mend_is_told_at_once_in_one_line(
    fault: Fault, message: str, embedder: ChatServer
) -> None:
    embedder.faults = [fault] * 3
    with pytest.raises(ValueError, match=message) as refused:
        open_encoder(embedder)
    assert "\n" not in str(refused.value)
    assert KEY not in str(refused.value)


def test_an_endpoint_that_wants_a_key_is_told_where_it_goes(
    embedder: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY_VARIABLE)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    embedder.faults = [Fault(401, '{"error": "no key"}')]
    with pytest.raises(ValueError, match=r"it wants a key, and EVALUATE_API_KEY holds none \(401"):
        open_encoder(embedder, "tei")
    assert embedder.keys == ["Bearer unused"]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (two([1.0, 0, 0, 0]), "1 vectors came for 2 texts$"),
        (two([1.0, 0, 0, 0], [1.0, 0, 0]), "a vector has 3 numbers, and the first had 4$"),
        (two([1.0] * 5, [1.0] * 5), "a vector has 5 numbers, and the first had 4$"),
        (
            two([1.0, float("nan"), 0, 0], [1.0, 0, 0, 0]),
            r"data\.1\.embedding\.1: Input should be a finite number$",
        ),
        (Fault(body='{"data": [{"index": 0, "embedding": [null]}]}'), "valid number$"),
        (Fault(body='{"data": [{"index": 0, "embedding": []}]}'), "at least 1 item"),
        (Fault(body='{"data": [{"index": 0, "embedding": "AAAA"}]}'), "valid array$"),
        (two([0.0] * 4, [1.0] * 4), "a vector is zero, so it points nowhere$"),
        (
            Fault(body=json.dumps({"data": [{"index": 0, "embedding": [1.0] * 4}] * 2})),
            "two vectors have one index$",
        ),
        (HTML, "answers HTML"),
    ],
    ids=[
        *("too few", "a shorter one", "longer ones", "not a number", "null", "empty", "base64"),
        *("zero", "one index twice", "HTML"),
    ],
)
def test_an_answer_that_is_not_as_promised_is_refused_in_one_line(
    fault: Fault, message: str, embedder: ChatServer
) -> None:
    encode = open_encoder(embedder)
    assert encode.dimensions == DIMENSIONS
    embedder.faults = [fault]
    with pytest.raises(ValueError, match=message) as refused:
        encode(TEXTS[:2])
    assert "\n" not in str(refused.value)


def test_an_endpoint_that_hangs_is_given_up(embedder: ChatServer) -> None:
    embedder.faults = [Fault(hang=True)]
    with pytest.raises(ValueError, match=r"no answer within 0\.2 s, in 1 tries$"):
        open_encoder(embedder, timeout=0.2, retries=0)


def test_nobody_at_the_address_is_told_with_the_address() -> None:
    target = read_target("tei:http://127.0.0.1:9")
    with pytest.raises(ValueError, match=r"^http://127\.0\.0\.1:9/embed: no connection: "):
        RemoteEncoder(target, retries=0)

"""The service as its users meet it: a socket, and their clients at the other end."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import openai
import pytest
from serving import serving
from tokenizers import Tokenizer

from service.backend import OnnxBackend
from service.encoding import Encoding
from service.settings import Settings


@pytest.fixture(scope="module")
def url(settings: Settings) -> Iterator[str]:
    with serving(settings) as address:
        yield address


@pytest.fixture(scope="module")
def sdk(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        yield client


def expected_vectors(url: str, texts: list[str]) -> np.ndarray:
    return np.array(httpx.post(f"{url}/embed", json={"inputs": texts}).json())


@pytest.mark.parametrize("encoding", [openai.NOT_GIVEN, "float", "base64"])
def test_the_openai_sdk_reads_our_embeddings(
    url: str, sdk: openai.OpenAI, encoding: object
) -> None:
    texts = ["the drug works", "the drug does not work"]
    response = sdk.embeddings.create(model="any", input=texts, encoding_format=encoding)
    vectors = [item.embedding for item in response.data]
    if encoding == "base64":  # the SDK decodes only what it asked for by itself
        assert all(isinstance(vector, str) for vector in vectors)
        return
    np.testing.assert_allclose(vectors, expected_vectors(url, texts), atol=1e-6)


def test_the_openai_sdk_sends_one_string_and_dimensions(url: str, sdk: openai.OpenAI) -> None:
    response = sdk.embeddings.create(model="any", input="no", dimensions=2)
    assert len(response.data) == 1
    assert len(response.data[0].embedding) == 2
    assert response.usage.total_tokens == 3


def test_the_openai_sdk_lists_the_model(sdk: openai.OpenAI) -> None:
    (model,) = sdk.models.list().data
    assert sdk.models.retrieve(model.id).id == model.id


def test_the_openai_sdk_understands_our_errors(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refusal:
        sdk.embeddings.create(model="any", input=["no", ""])
    assert refusal.value.code == "empty_input"
    assert refusal.value.param == "input"
    with pytest.raises(openai.UnprocessableEntityError, match=r"`input\[1\]` holds 1000"):
        sdk.embeddings.create(model="any", input=[[104, 105], [10**30]])


def test_a_hundred_clients_at_once_each_get_their_own_vectors_in_order(url: str) -> None:
    words = ["no", "not", "drug", "patient", "works", "died"]
    requests = [
        [f"{words[i % 6]} " * (1 + (i + k) % 9) + words[(i + k) % 6] for k in range(1 + i % 4)]
        for i in range(100)
    ]
    with httpx.Client(base_url=url) as client:
        alone = [
            np.array(client.post("/embed", json={"inputs": texts}).json()) for texts in requests
        ]
    together = threading.Barrier(len(requests))

    def ask(texts: list[str]) -> np.ndarray:
        together.wait(30)
        response = httpx.post(f"{url}/embed", json={"inputs": texts}, timeout=60)
        assert response.status_code == 200
        return np.array(response.json())

    with ThreadPoolExecutor(len(requests)) as pool:
        for answer, expected in zip(pool.map(ask, requests), alone, strict=True):
            np.testing.assert_allclose(answer, expected, atol=1e-5)


class Gate:
    """Can hold forward passes back."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self._opened = threading.Event()
        self._opened.set()

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Let no pass through meanwhile; `entered` tells that one has come to the gate."""
        self.entered.clear()
        self._opened.clear()
        try:
            yield
        finally:
            self._opened.set()

    def enter(self) -> None:
        self.entered.set()
        assert self._opened.wait(30)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate = Gate()
    run = OnnxBackend.run

    def run_behind_gate(backend: OnnxBackend, encodings: Sequence[Encoding]) -> np.ndarray:
        gate.enter()
        return run(backend, encodings)

    monkeypatch.setattr(OnnxBackend, "run", run_behind_gate)
    return gate


def wait_for_metric(client: httpx.Client, line: str) -> None:
    """Ask for the metrics again and again, until one of them has this value."""
    pattern = re.compile(rf"^{line}$", re.MULTILINE)
    while not pattern.search(client.get("/metrics").text):
        pass


def test_a_full_queue_is_told_at_once_with_the_time_to_come_back_and_recovers(
    settings: Settings, gate: Gate
) -> None:
    small = settings.model_copy(update={"max_queue_tokens": 40})
    with (
        serving(small) as url,
        httpx.Client(base_url=url) as client,
        openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as sdk,
        ThreadPoolExecutor(2) as pool,
    ):
        with gate.closed():
            running = pool.submit(client.post, "/embed", json={"inputs": "no"})
            assert gate.entered.wait(30)
            waiting = pool.submit(client.post, "/embed", json={"inputs": "not " * 50})
            wait_for_metric(client, "te_queue_size 1.0")
            refused = client.post("/embed", json={"inputs": "not " * 20})
            assert refused.status_code == 429
            assert refused.json()["error_type"] == "Overloaded"
            assert int(refused.headers["retry-after"]) >= 1
            assert int(refused.headers["retry-after-ms"]) >= 1
            with pytest.raises(openai.RateLimitError):
                sdk.embeddings.create(model="any", input="not " * 20)
            assert client.get("/health/ready").status_code == 200
        assert running.result(30).status_code == waiting.result(30).status_code == 200
        assert client.post("/embed", json={"inputs": "not " * 20}).status_code == 200


def test_a_client_that_left_costs_no_forward_pass(settings: Settings, gate: Gate) -> None:
    request = b'POST /embed HTTP/1.1\r\nHost: test\r\nContent-Length: 16\r\n\r\n{"inputs": "no"}'
    with (
        serving(settings) as url,
        httpx.Client(base_url=url) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        with gate.closed():
            running = pool.submit(client.post, "/embed", json={"inputs": "no"})
            assert gate.entered.wait(30)
            host, _, port = url.removeprefix("http://").partition(":")
            with socket.create_connection((host, int(port))) as connection:
                connection.sendall(request)
                wait_for_metric(client, "te_queue_size 1.0")
            wait_for_metric(client, r'litotes_dropped_entries_total\{.*reason="cancelled"\} 1.0')
            wait_for_metric(client, r'te_request_failure\{err="dropped"\} 1.0')
        assert running.result(30).status_code == 200


def test_a_request_past_its_deadline_is_told_so(settings: Settings, gate: Gate) -> None:
    hasty = settings.model_copy(update={"request_timeout": 0.2})
    with serving(hasty) as url, gate.closed():
        late = httpx.post(f"{url}/embed", json={"inputs": "no"})
        assert (late.status_code, late.json()["error_type"]) == (504, "Overloaded")


def test_a_client_may_ask_for_an_earlier_deadline(settings: Settings, gate: Gate) -> None:
    with serving(settings) as url, gate.closed():
        impatient = {"x-request-timeout-ms": "200"}
        late = httpx.post(f"{url}/embed", json={"inputs": "no"}, headers=impatient)
        assert (late.status_code, late.json()["error_type"]) == (504, "Overloaded")
        for wrong in ("soon", "0", "-1", "1.5", "9" * 20):
            refused = httpx.post(
                f"{url}/v1/embeddings",
                json={"input": "no"},
                headers={"x-request-timeout-ms": wrong},
            )
            assert refused.status_code == 422
            assert refused.json()["error"]["param"] == "x-request-timeout-ms"


@pytest.mark.parametrize("path", ["/embed", "/v1/embeddings"])
def test_a_client_that_stops_in_mid_body_is_told_so_and_let_go(
    settings: Settings, path: str
) -> None:
    hasty = settings.model_copy(update={"request_timeout": 0.2})
    with serving(hasty) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            head = f"POST {path} HTTP/1.1\r\nHost: test\r\nContent-Length: 16\r\n\r\n"
            connection.sendall(head.encode() + b'{"inputs"')
            answer = connection.makefile("rb").read()  # to the end of the connection
    start, _, content = answer.partition(b"\r\n\r\n")
    assert start.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in start.lower()
    error = json.loads(content)
    if path == "/embed":
        assert error["error_type"] == "Validation"
        assert error["error"] == "the body did not arrive within 0.2 seconds"
    else:
        assert error["error"]["code"] == "request_timeout"


def test_a_text_that_the_model_fails_on_fails_alone_and_by_its_index(
    settings: Settings, encoder_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison = Tokenizer.from_file(str(encoder_folder / "tokenizer.json")).token_to_id("mortality")
    run = OnnxBackend.run

    def run_unless_poisoned(backend: OnnxBackend, encodings: Sequence[Encoding]) -> np.ndarray:
        if any(poison in encoding.ids for encoding in encodings):
            raise RuntimeError("out of memory at 0xdeadbeef")
        return run(backend, encodings)

    monkeypatch.setattr(OnnxBackend, "run", run_unless_poisoned)
    with serving(settings) as url, httpx.Client(base_url=url) as client:
        texts = ["the drug works", "mortality", "the patient did not"]
        failed = client.post("/embed", json={"inputs": texts})
        error = failed.json()
        assert (failed.status_code, error["error_type"], error["index"]) == (424, "Backend", 1)
        assert "`inputs[1]`" in error["error"]
        assert "0xdeadbeef" not in failed.text
        pair = {"a": "the drug works", "b": "mortality"}
        assert client.post("/negation-check", json=pair).json()["error"].startswith("`b`: ")
        assert client.post("/embed", json={"inputs": texts[0::2]}).status_code == 200
        assert client.get("/health/ready").status_code == 200

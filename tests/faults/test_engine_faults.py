"""A real process whose engine fails: who is told, how soon, and what the probes say meanwhile."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
from program import address_of, program

from service.settings import Settings

FAULTY = str(Path(__file__).with_name("faulty.py"))
PASS_TIMEOUT = 3.0
TEXTS = ["the drug works", "the drug does not work"]


@dataclass
class Faulty:
    """A running service, and the file that tells its engine how to fail."""

    process: subprocess.Popen[str]
    mode: Path
    http: httpx.Client

    def tell(self, mode: str) -> None:
        # In one step, or the engine may read the file while it is empty.
        new = self.mode.with_suffix(".new")
        new.write_text(mode)
        new.replace(self.mode)

    def embed(self, *texts: str) -> httpx.Response:
        return self.http.post("/embed", json={"inputs": texts or TEXTS})

    def wait_until(self, status: int) -> None:
        """Ask whether the service is ready, until the answer has this status."""
        deadline = time.monotonic() + 30
        while self.http.get("/health/ready").status_code != status:
            assert time.monotonic() < deadline, f"readiness did not become {status}"


@pytest.fixture(scope="module")
def process(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    mode = tmp_path_factory.mktemp("faults") / "mode"
    mode.write_text("none")
    options = ("--model", str(settings.model), "--pair-model", "none", "--port", "0")
    options += ("--pass-timeout", str(PASS_TIMEOUT), "--intra-op-num-threads", "1")
    with (
        program(str(mode), *options, script=[FAULTY]) as running,
        httpx.Client(base_url=address_of(running), timeout=60) as http,
        ThreadPoolExecutor(1) as reader,
    ):
        # What the service logs is not looked at here, and must not fill the pipe.
        assert running.stderr is not None
        reader.submit(running.stderr.read)
        yield Faulty(running, mode, http)
        running.kill()


@pytest.fixture
def faulty(process: Faulty) -> Iterator[Faulty]:
    """The process without faults, and without them again after the test."""
    process.wait_until(200)
    yield process
    process.tell("none")
    process.wait_until(200)


@pytest.fixture(scope="module")
def rows(process: Faulty) -> np.ndarray:
    """The right answer for `TEXTS`."""
    return np.array(process.embed().json())


@pytest.mark.parametrize("word", ["mortality", "hotel"])
def test_one_text_that_the_engine_fails_on_fails_its_caller_alone(
    faulty: Faulty, rows: np.ndarray, word: str
) -> None:
    with ThreadPoolExecutor(8) as pool:
        good = [pool.submit(faulty.embed) for _ in range(6)]
        bad = pool.submit(faulty.embed, "no", word).result()
    assert (bad.status_code, bad.json()["index"]) == (424, 1)
    assert "0xdeadbeef" not in bad.text
    for answer in good:
        np.testing.assert_allclose(answer.result().json(), rows, atol=1e-5)
    assert faulty.http.get("/health/ready").status_code == 200


@pytest.mark.parametrize("mode", ["raise", "nan"])
def test_an_engine_that_always_fails_is_not_ready_until_it_answers_again(
    faulty: Faulty, rows: np.ndarray, mode: str
) -> None:
    faulty.tell(mode)
    assert faulty.embed().status_code in (424, 503)
    faulty.wait_until(503)
    refused = faulty.embed()
    assert refused.status_code == 503
    assert refused.headers["retry-after"]
    faulty.tell("none")
    faulty.wait_until(200)
    np.testing.assert_allclose(faulty.embed().json(), rows, atol=1e-5)


def test_a_pass_that_hangs_is_told_within_its_bound_and_probes_answer_meanwhile(
    faulty: Faulty, rows: np.ndarray
) -> None:
    faulty.tell("hang")
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(faulty.embed) for _ in range(4)]
        assert faulty.http.get("/health/live").status_code == 200
        assert [each.result().status_code for each in waiting] == [503] * 4
    ready = faulty.http.get("/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (503, "stalled")
    assert faulty.http.get("/health/live").status_code == 503
    assert faulty.embed().status_code == 503  # at once, and not after the bound
    faulty.tell("none")
    faulty.wait_until(200)
    np.testing.assert_allclose(faulty.embed().json(), rows, atol=1e-5)


BODY = json.dumps({"inputs": TEXTS}).encode()
HEAD = b"POST /embed HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n" % len(BODY)


@pytest.mark.parametrize(
    ("sent", "mode"),
    [
        (b"", "none"),
        (HEAD[:9], "none"),
        (HEAD, "none"),
        (HEAD + BODY[:-3], "none"),
        (HEAD + BODY, "hang"),
        (HEAD + BODY, "none"),
        ((HEAD + BODY) * 3, "none"),
    ],
    ids=["no byte", "head", "after the head", "body", "in flight", "answer", "pipelined"],
)
def test_a_client_that_leaves_at_any_stage_leaves_nothing_behind(
    faulty: Faulty, rows: np.ndarray, sent: bytes, mode: str
) -> None:
    faulty.tell(mode)
    host, _, port = str(faulty.http.base_url).removeprefix("http://").strip("/").partition(":")
    for _ in range(5):
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(sent)
    faulty.tell("none")
    np.testing.assert_allclose(faulty.embed().json(), rows, atol=1e-5)
    assert 'litotes_queue_texts{model="tiny"} 0.0' in faulty.http.get("/metrics").text
    assert faulty.process.poll() is None

"""The program as an operator meets it: its output, its signals, its exit status."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
from pathlib import Path

import httpx
import pytest
from program import address_of, program

from service.settings import Settings

# The head of a request whose body is waited for.
UNFINISHED = (
    b"POST /embed HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"
)


def test_the_program_says_when_it_is_ready_and_prints_a_line_that_works(
    settings: Settings,
) -> None:
    model, pair = str(settings.model), str(settings.pair_model)
    with program("--model", model, "--pair-model", pair, "--port", "0") as process:
        address_of(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("curl ")
        answer = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)
        assert re.fullmatch(r"\[-?[\d.]+,-?[\d.]+\]", answer.stdout)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_work_in_hand_end_and_exits_with_0(
    settings: Settings, number: signal.Signals
) -> None:
    body = b'{"inputs": ["no", "not"]}'
    with program("--model", str(settings.model), "--pair-model", "none", "--port", "0") as process:
        host, _, port = address_of(process).removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(
                b"POST /embed HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n"
                b"Content-Length: %d\r\n\r\n" % len(body)
            )
            # Said only when the application asks for the body: the request is being served.
            assert b"100 Continue" in connection.recv(1000)
            process.send_signal(number)
            wait_until_draining(f"http://{host}:{port}")
            refused = httpx.post(f"http://{host}:{port}/embed", json={"inputs": "no"})
            assert refused.status_code == 503
            assert refused.headers["retry-after"] == "1"
            assert refused.headers["connection"] == "close"
            assert httpx.get(f"http://{host}:{port}/health/live").status_code == 200
            connection.sendall(body)
            answer = connection.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert len(json.loads(answer.partition(b"\r\n\r\n")[2])) == 2
        assert process.wait(30) == 0


def test_a_second_signal_stops_at_once(settings: Settings) -> None:
    with program("--model", str(settings.model), "--pair-model", "none", "--port", "0") as process:
        url = address_of(process)
        host, _, port = url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(UNFINISHED)
            assert b"100 Continue" in connection.recv(1000)
            process.send_signal(signal.SIGTERM)
            wait_until_draining(url)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 128 + signal.SIGTERM


def test_a_request_that_never_ends_holds_a_stop_up_no_longer_than_allowed(
    settings: Settings,
) -> None:
    alone = ("--model", str(settings.model), "--pair-model", "none", "--port", "0")
    with program(*alone, "--shutdown-timeout", "0.3") as process:
        host, _, port = address_of(process).removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(UNFINISHED)
            assert b"100 Continue" in connection.recv(1000)
            process.send_signal(signal.SIGTERM)
            answer = connection.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert process.wait(30) == 0


def wait_until_draining(url: str) -> None:
    """Ask again and again, until the service says that it is about to stop."""
    while True:
        ready = httpx.get(f"{url}/health/ready")
        if ready.status_code == 503 and ready.json()["status"] == "draining":
            return


def failure_of(*arguments: str) -> str:
    """Run the program, which must refuse to start, and return its one line on stderr."""
    with program(*arguments) as process:
        output, errors = process.communicate(timeout=60)
        assert process.returncode not in (0, None)
        assert output == ""
        (line,) = errors.splitlines()
        assert line.startswith("litotes: ")
        return line


def test_a_folder_that_is_no_model_is_told_in_one_line(tmp_path: Path) -> None:
    assert str(tmp_path) in failure_of("--model", str(tmp_path), "--port", "0")
    missing = str(tmp_path / "missing")
    assert missing in failure_of("--model", missing, "--port", "0")


def test_a_pair_model_that_is_named_and_missing_is_told_in_one_line(
    settings: Settings, tmp_path: Path
) -> None:
    missing = str(tmp_path / "missing")
    arguments = ("--model", str(settings.model), "--pair-model", missing, "--port", "0")
    assert missing in failure_of(*arguments)


def test_a_port_in_use_is_told_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        line = failure_of("--model", "not-even-looked-at", "--port", port)
    assert line == f"litotes: cannot listen on 127.0.0.1:{port}: Address already in use"


def test_cuda_where_there_is_none_is_told_in_one_line(settings: Settings) -> None:
    arguments = ("--model", str(settings.model), "--pair-model", "none", "--device", "cuda")
    assert "CUDA" in failure_of(*arguments, "--port", "0")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--port", "70000"), "port"),
        (("--log-level", "loud"), "log_level"),
        (("--max-batch-tokens", "9", "--max-input-tokens", "99"), "max_batch_tokens (9)"),
    ],
)
def test_a_setting_that_is_wrong_is_told_in_one_line(
    arguments: tuple[str, ...], words: str
) -> None:
    assert words in failure_of(*arguments)


def test_help_describes_the_options_and_shows_examples() -> None:
    with program("--help") as process:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0
    assert "--max-batch-tokens" in output
    assert "Tokens of one forward pass" in output
    assert "examples:\n  python -m service\n" in output

"""Starts servers on the loopback interface, and ends those it has started."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOST = "127.0.0.1"
_POLL = 0.02
_STOPPING = 15.0


class ServerFailed(Exception):
    """A server did not start; the message ends with what it said last."""


@dataclass(frozen=True)
class Server:
    """A server that answers.

    Attributes:
        url: Where, without a path.
        pid: Its process; None for one that is not ours.
        startup_seconds: From its start to its first answer.
    """

    url: str
    pid: int | None = None
    startup_seconds: float | None = None


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@contextmanager
def running(
    command: Sequence[str],
    port: int,
    *,
    ready_path: str,
    log: Path,
    environment: Mapping[str, str] | None = None,
    folder: Path = ROOT,
    timeout: float = 180.0,
) -> Iterator[Server]:
    """Run a server until the block ends.

    Args:
        command: What to run; it must listen on `port`.
        port: Where it will listen.
        ready_path: What answers 200 once it takes texts.
        log: File that gets what it says.
        environment: Variables to set beside this process' own, without its `LITOTES_*`.
        folder: Where to run it.
        timeout: Seconds it may take to start.

    Raises:
        ServerFailed: It ended, or was not ready in time.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    own = {key: value for key, value in os.environ.items() if not key.startswith("LITOTES_")}
    started = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**own, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a group of its own, so that its children end with it
        )
    url = f"http://{HOST}:{port}"
    try:
        _wait(process, url + ready_path, started + timeout, log)
        yield Server(url, process.pid, time.perf_counter() - started)
    finally:
        _stop(process)


@contextmanager
def litotes(
    model: Path,
    *,
    pair_model: Path | None = None,
    options: Sequence[str] = (),
    log: Path,
    python: str = sys.executable,
) -> Iterator[Server]:
    """Serve a model folder with Litotes, as `python -m service` does.

    Args:
        model: The encoder's folder.
        pair_model: The pair model's folder, if it is to be served.
        options: More options of the service.
        log: File that gets what it says.
        python: The interpreter to run it in.

    Raises:
        ServerFailed: It ended, or was not ready in time.
    """
    port = free_port()
    command = litotes_command(model, pair_model, port, options=options, python=python)
    with running(command, port, ready_path="/health/ready", log=log) as server:
        yield server


def litotes_command(
    model: Path,
    pair_model: Path | None,
    port: int,
    *,
    options: Sequence[str] = (),
    python: str = sys.executable,
) -> list[str]:
    """Return the command line of a Litotes that listens on this port."""
    models = ["--model", str(model), "--pair-model", str(pair_model or "none")]
    return [python, "-m", "service", "--host", HOST, "--port", str(port), *models, *options]


def is_ready(url: str) -> bool:
    """Whether this URL answers 200 now."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # a loopback address of ours
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _wait(process: subprocess.Popen[bytes], url: str, deadline: float, log: Path) -> None:
    while not is_ready(url):
        status = process.poll()
        if status is not None:
            raise ServerFailed(f"ended with status {status}: {_last_line(log)}")
        if time.perf_counter() > deadline:
            raise ServerFailed(f"was not ready in time: {_last_line(log)}")
        time.sleep(_POLL)


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOPPING)
    except subprocess.TimeoutExpired:
        # It is not waited for yet, so the number is still that of the group we made.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

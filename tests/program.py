"""The real program in a process of its own, for tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]


@contextmanager
def program(
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    script: Sequence[str] = ("-m", "service"),
) -> Iterator[subprocess.Popen[str]]:
    """Start the program, with nothing of our own settings in its environment, and kill it after."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("LITOTES_")}
    process = subprocess.Popen(
        [sys.executable, *script, *arguments],
        cwd=ROOT,
        env=inherited | dict(environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def address_of(process: subprocess.Popen[str]) -> str:
    """Wait until the program says that it is ready, and where."""
    assert process.stdout is not None
    welcome = process.stdout.readline()
    found = re.search(r"http://[\d.]+:\d+", welcome)
    assert found, f"no address in {welcome!r}: {process.communicate()}"
    return found[0]

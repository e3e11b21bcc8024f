"""The Python snippets of docs/clients.md, and how they are run."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "clients.md"
PYTHON = ROOT / ".venv-clients" / "bin" / "python"
# Where the document says that the service is.
DOCUMENTED_URL = "http://127.0.0.1:8080"
RESULTS = ("texts", "vectors", "source", "similarities", "query", "ranking")


@dataclass(frozen=True, slots=True)
class Snippet:
    """One block of Python, and the heading that it stands under."""

    heading: str
    code: str


def read_snippets() -> list[Snippet]:
    """Read the document's blocks of Python, in order."""
    found, heading = [], ""
    text = DOCUMENT.read_text(encoding="utf-8")
    for title, code in re.findall(r"^#+ ([^\n]+)$|^```python\n(.*?)^```$", text, re.M | re.S):
        heading = title or heading
        if code:
            found.append(Snippet(heading, code))
    return found


def cached_encodings() -> Path:
    """The folder in which LlamaIndex brings tiktoken's files, which need no network from there."""
    (folder,) = PYTHON.parents[1].glob("lib/python3*/site-packages/llama_index/core/_static")
    return folder / "tiktoken_cache"


def run(arguments: list[str], home: Path, code: str | None = None) -> str:
    """Run the clients' Python, and return what it printed.

    Args:
        arguments: What follows the interpreter on the command line.
        home: An empty folder, for clients that write to the user's.
        code: What the program reads from its standard input.
    """
    if not PYTHON.exists():
        pytest.fail("there is no .venv-clients: `make test` sets it up")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TIKTOKEN_CACHE_DIR": str(cached_encodings()),
        "ANONYMIZED_TELEMETRY": "false",
        "HAYSTACK_TELEMETRY_ENABLED": "false",
    }
    ended = subprocess.run(
        [str(PYTHON), *arguments],
        cwd=home,
        env=environment,
        input=code,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if ended.returncode != 0:
        pytest.fail(f"the client failed:\n{ended.stderr[-4000:]}", pytrace=False)
    return ended.stdout


def results_of(snippet: Snippet, url: str, home: Path) -> dict[str, Any]:
    """Run a snippet against the service at `url`, and return the variables that it leaves."""
    # The line of the results is the last one, whatever a client prints before.
    report = (
        "\nimport json as _json\n"
        f"_left = {{name: globals()[name] for name in {RESULTS} if name in globals()}}\n"
        "print(_json.dumps(_left, default=lambda array: array.tolist()))\n"
    )
    code = snippet.code.replace(DOCUMENTED_URL, url) + report
    output = run(["-"], home, code)
    left: dict[str, Any] = json.loads(output.splitlines()[-1])
    return left

"""A small distillation file, and runs of it, for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from training.distil.config import read_distillation
from training.distil.factory import main

KEY = "key-of-the-tests-0123456789"
VARIABLE = "LITOTES_TEST_KEY"

TEXT = """
name = "small"
seed = 3
runs = "{folder}/runs"
corpus = "{folder}/corpus"

[endpoint]
base_url = "{url}"
model = "writer"
key_variable = "LITOTES_TEST_KEY"
concurrency = 1
timeout = 20.0
retries = 2
max_tokens = 1000

[budget]
tokens = 1_000_000

[fields]
domain = ["pumps", "lamps", "boats"]
register = ["a letter", "a manual"]
pattern = ["not", "never"]
seed = ["a key", "a bell", "a well"]

[kinds.sentence]
calls = 3
rows = 2
"""


def write(folder: Path, url: str = "http://127.0.0.1:9/v1", *changes: tuple[str, str]) -> Path:
    """The file, with replacements."""
    text = TEXT.format(folder=folder, url=url)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "small.toml"
    path.write_text(text)
    return path


def run(folder: Path, url: str, *changes: tuple[str, str]) -> dict[str, Any]:
    """Run it; its figures."""
    return main(read_distillation(write(folder, url, *changes)))


def lines(folder: Path, name: str) -> list[dict[str, Any]]:
    """The lines of a file in the run's folder."""
    text = (folder / "runs/small" / name).read_text()
    return [json.loads(line) for line in text.splitlines()]

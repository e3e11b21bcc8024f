"""Small files of rows for a judge, and runs over them, for tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chat_server import MAKERS

from training.judge.run import Options, main

CHAT = """
[endpoint]
base_url = "{url}"
model = "referee"
key_variable = "LITOTES_TEST_KEY"
concurrency = 1
timeout = 20.0
retries = 2
max_tokens = 1000

[budget]
tokens = 1_000_000
"""


def row(kind: str, number: int) -> dict[str, Any]:
    """A row as the corpus stores it."""
    maker: Callable[[int], dict[str, Any]] = MAKERS[kind]
    return {"id": f"{kind[:4]}-{number}", "kind": kind, "domain": "x", **maker(number)}


def write_rows(folder: Path, kind: str, count: int = 2, *others: str) -> Path:
    """A file of good rows, with other lines after them."""
    path = folder / f"{kind}.jsonl"
    good = [json.dumps(row(kind, number)) for number in range(count)]
    path.write_text("\n".join([*good, *others]) + "\n")
    return path


def write_chat(folder: Path, url: str, *changes: tuple[str, str]) -> Path:
    """The settings of a chat judge, with replacements."""
    text = CHAT.format(url=url)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "judge.toml"
    path.write_text(text)
    return path


def judge(folder: Path, *rows: Path, **options: object) -> dict[str, Any]:
    """Run a judge under the name "small"; its figures."""
    return main(Options(rows=rows, name="small", runs=folder / "runs", **options))


def lines(folder: Path, name: str = "../small.jsonl") -> list[dict[str, Any]]:
    """The lines of a file in the run's folder."""
    text = (folder / "runs/judge/small" / name).read_text()
    return [json.loads(line) for line in text.splitlines()]

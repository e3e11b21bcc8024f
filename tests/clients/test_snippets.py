"""Every snippet of docs/clients.md, run with the real client, gives what plain requests give."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from snippets import DOCUMENT, ROOT, Snippet, read_snippets, results_of

SNIPPETS = {snippet.heading: snippet for snippet in read_snippets()}
# Cohere's clients say what a text is, which chooses a prompt of the tiny encoder's.
PROMPTS = {"Cohere": "passage"}
LOCKED = SNIPPETS.pop("With an API key")
# Vectors travel as float32, and some clients compute with them as float64.
TOLERANCE = 1e-6


def post(client: httpx.Client, path: str, body: dict[str, Any]) -> list[Any]:
    answer: list[Any] = client.post(path, json=body).raise_for_status().json()
    return answer


def check(left: dict[str, Any], client: httpx.Client, prompt_name: str | None = None) -> None:
    """Compare what a snippet left with the answers to the same questions by plain requests."""
    texts = left["texts"]
    if "vectors" in left:
        expected = post(client, "/embed", {"inputs": texts, "prompt_name": prompt_name})
        np.testing.assert_allclose(left["vectors"], expected, rtol=0, atol=TOLERANCE)
    elif "similarities" in left:
        body = {"source_sentence": left["source"], "sentences": texts}
        expected = post(client, "/similarity", body)
        np.testing.assert_allclose(left["similarities"], expected, rtol=0, atol=TOLERANCE)
    else:
        ranked = post(client, "/rerank", {"query": left["query"], "texts": texts})
        assert [index for index, _ in left["ranking"]] == [item["index"] for item in ranked]
        scores = [item["score"] for item in ranked]
        np.testing.assert_allclose([score for _, score in left["ranking"]], scores, atol=TOLERANCE)


def test_the_document_has_a_snippet_under_each_heading_that_needs_one() -> None:
    assert len(SNIPPETS) + 1 == len(read_snippets())
    assert len(SNIPPETS) >= 18


@pytest.mark.parametrize("snippet", SNIPPETS.values(), ids=SNIPPETS)
def test_a_client_gets_what_a_plain_request_gets(
    snippet: Snippet, url: str, plain: httpx.Client, tmp_path: Path
) -> None:
    check(results_of(snippet, url, tmp_path), plain, PROMPTS.get(snippet.heading))


def test_clients_that_send_a_key_are_let_in(
    locked_url: str, plain: httpx.Client, tmp_path: Path
) -> None:
    assert httpx.post(f"{locked_url}/embed", json={"inputs": "no"}).status_code == 401
    check(results_of(LOCKED, locked_url, tmp_path), plain)


def test_the_document_names_the_version_of_every_client() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = (ROOT / "deploy/constraints/clients.txt").read_text(encoding="utf-8").splitlines()
    versions = dict(line.split("==") for line in pinned if not line.startswith("#"))
    versions = {name.lower().replace("_", "-"): version for name, version in versions.items()}
    document = DOCUMENT.read_text(encoding="utf-8")
    for client in project["optional-dependencies"]["clients"]:
        version = versions[client.replace("_", "-")]
        assert f"| `{client}` | {version} |" in document

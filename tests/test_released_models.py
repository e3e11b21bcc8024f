"""The models in this repository, run by the service's own code as a user would run them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from serving import serving

from service.settings import Settings

MODELS = Path(__file__).parent.parent / "models"
ENCODER = MODELS / "litotes-small"
PAIR = MODELS / "litotes-small-pair"
MEGABYTE = 1_000_000

# An anchor, a text that means the same, and one that denies it; a cue may stand in any of them.
TRIPLES = [
    (
        "The bridge is open to lorries.",
        "Lorries may use the bridge.",
        "The bridge is not open to lorries.",
    ),
    (
        "The shop is not open on Sundays.",
        "The shop is closed on Sundays.",
        "The shop is open on Sundays.",
    ),
    (
        "The patch fixed the crash.",
        "The crash no longer occurs after the patch.",
        "The patch did not fix the crash.",
    ),
    (
        "Nobody was hurt in the fire.",
        "The fire left everyone unharmed.",
        "Somebody was hurt in the fire.",
    ),
]


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    settings = Settings(model=ENCODER, pair_model=PAIR, device="cpu")
    with serving(settings) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield client


def post(client: httpx.Client, path: str, body: dict[str, Any]) -> list[Any]:
    response = client.post(path, json=body)
    assert response.status_code == 200, response.text
    answer: list[Any] = response.json()
    return answer


@pytest.mark.parametrize("folder", [ENCODER, PAIR], ids=lambda folder: folder.name)
def test_a_model_takes_at_most_64_megabytes(folder: Path) -> None:
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 64 * MEGABYTE


@pytest.mark.parametrize("triple", TRIPLES, ids=lambda triple: triple[0])
def test_what_means_the_same_is_nearer_than_what_denies_it(
    client: httpx.Client, triple: tuple[str, str, str]
) -> None:
    anchor, same, denial = triple
    body = {"source_sentence": anchor, "sentences": [same, denial]}
    nearer, farther = post(client, "/similarity", body)
    assert nearer > farther
    blind = post(client, "/similarity", {**body, "negation_weight": 0})
    assert blind[1] - blind[0] > farther - nearer


@pytest.mark.parametrize("triple", TRIPLES, ids=lambda triple: triple[0])
def test_the_discriminator_tells_a_denial(
    client: httpx.Client, triple: tuple[str, str, str]
) -> None:
    anchor, same, denial = triple
    pairs = [{"a": anchor, "b": same}, {"a": anchor, "b": denial}]
    agreeing, denying = post(client, "/negation-check", {"pairs": pairs})
    assert denying["relation"] == "contradiction"
    assert agreeing["scores"]["contradiction"] < denying["scores"]["contradiction"]


def test_a_query_at_another_weight_works_against_the_same_index(client: httpx.Client) -> None:
    index = np.array(post(client, "/embed", {"inputs": ["It is open.", "It is not open."]}))
    scores = [
        index
        @ np.array(post(client, "/embed", {"inputs": "It is closed.", "negation_weight": w}))[0]
        for w in (0.1, 0.9)
    ]
    (lax_open, lax_shut), (strict_open, strict_shut) = scores
    assert strict_shut - strict_open > lax_shut - lax_open


@pytest.mark.parametrize("folder", [ENCODER, PAIR], ids=lambda folder: folder.name)
def test_a_card_and_the_files_it_was_rendered_from_are_there(folder: Path) -> None:
    parity = json.loads((folder / "parity.json").read_text())
    assert parity
    assert json.loads((folder / "evaluation.json").read_text())
    assert (folder / "README.md").read_text().startswith("---\nlicense: apache-2.0")


def test_a_special_token_in_a_text_is_read_as_its_characters(client: httpx.Client) -> None:
    for token in ("[SEP]", "[MASK]", "[CLS]", "[PAD]"):
        texts = [f"The bridge is {token} open.", f"The bridge is {token.lower()} open."]
        spelt, small = np.array(post(client, "/embed", {"inputs": texts}))
        assert spelt @ small == pytest.approx(1, abs=1e-6)

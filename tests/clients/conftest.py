"""The service as a process of its own, and what it answers to plain requests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from program import address_of, program
from relevance import build_reranking_pair
from snippets import cached_encodings

KEY = "a-key-of-yours"


@pytest.fixture(scope="session")
def tiny_models(models: Path, encoder_folder: Path) -> tuple[str, ...]:
    """Options that serve the tiny encoder and a pair model with both outputs."""
    pair = build_reranking_pair(models / "clients-pair")
    name = ("--served-model-name", "litotes-small")  # as the document has it
    return "--model", str(encoder_folder), "--pair-model", str(pair), *name


@pytest.fixture(scope="session")
def url(tiny_models: tuple[str, ...]) -> Iterator[str]:
    """The URL of the service."""
    # A process of its own: tiktoken keeps what it has read, and other tests need it unread.
    environment = {"TIKTOKEN_CACHE_DIR": str(cached_encodings())}
    with program(*tiny_models, "--port", "0", environment=environment) as process:
        yield address_of(process)


@pytest.fixture(scope="session")
def locked_url(tiny_models: tuple[str, ...]) -> Iterator[str]:
    """The URL of a service that asks for a key."""
    environment = {"LITOTES_API_KEYS": KEY}
    with program(*tiny_models, "--port", "0", environment=environment) as process:
        yield address_of(process)


@pytest.fixture(scope="session")
def released_url() -> Iterator[str]:
    """The URL of a service with the released encoder, and nothing else."""
    with program("--pair-model", "none", "--port", "0") as process:
        yield address_of(process)


@pytest.fixture(scope="session")
def plain(url: str) -> Iterator[httpx.Client]:
    """A client that knows nothing but HTTP."""
    with httpx.Client(base_url=url, timeout=60) as client:
        yield client

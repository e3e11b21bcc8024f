"""Real servers over the tiny models, shared by all tests of routes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from relevance import build_reranking_pair
from serving import serving

from service.settings import Settings


@pytest.fixture(scope="session")
def client(settings: Settings) -> Iterator[httpx.Client]:
    """A client of a server with an ordinary encoder and a pair discriminator."""
    with serving(settings) as url, httpx.Client(base_url=url) as http:
        yield http


@pytest.fixture(scope="session")
def two_part_client(settings: Settings, two_part_folder: Path) -> Iterator[httpx.Client]:
    """A client of a server with a two-part encoder and a pair discriminator."""
    two_part = settings.model_copy(update={"model": two_part_folder})
    with serving(two_part) as url, httpx.Client(base_url=url) as http:
        yield http


@pytest.fixture(scope="session")
def gated_client(settings: Settings, gated_folder: Path) -> Iterator[httpx.Client]:
    """A client of a server with a two-part encoder that gives texts weights of their own."""
    gated = settings.model_copy(update={"model": gated_folder})
    with serving(gated) as url, httpx.Client(base_url=url) as http:
        yield http


@pytest.fixture(scope="session")
def encoder_only_client(settings: Settings) -> Iterator[httpx.Client]:
    """A client of a server without a pair discriminator."""
    alone = settings.model_copy(update={"pair_model": None})
    with serving(alone) as url, httpx.Client(base_url=url) as http:
        yield http


@pytest.fixture(scope="session")
def reranking_folder(models: Path) -> Path:
    """A pair model with both outputs."""
    return build_reranking_pair(models / "tiny-reranking-pair")


@pytest.fixture(scope="session")
def reranking_client(settings: Settings, reranking_folder: Path) -> Iterator[httpx.Client]:
    """A client of a server whose pair model also reranks."""
    both = settings.model_copy(update={"pair_model": reranking_folder})
    with serving(both) as url, httpx.Client(base_url=url) as http:
        yield http


@pytest.fixture(scope="session")
def strict_client(settings: Settings, reranking_folder: Path) -> Iterator[httpx.Client]:
    """A client of a server with low limits for the routes of the pair model."""
    limits = {
        "max_client_batch_size": 8,
        "max_passage_windows": 2,
        "max_passage_sentences": 3,
        "max_explained_words": 5,
    }
    strict = settings.model_copy(update={"pair_model": reranking_folder, **limits})
    with serving(strict) as url, httpx.Client(base_url=url) as http:
        yield http

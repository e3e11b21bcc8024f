"""Tiny real models, and settings that serve them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tiny_models import build_encoder, build_pair, build_two_part_encoder

from service.settings import Settings


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that holds the model folders."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def encoder_folder(models: Path) -> Path:
    return build_encoder(models / "tiny")


@pytest.fixture(scope="session")
def two_part_folder(models: Path) -> Path:
    return build_two_part_encoder(models / "tiny-two-part")


@pytest.fixture(scope="session")
def gated_folder(models: Path) -> Path:
    return build_two_part_encoder(models / "tiny-gated", gated=True)


@pytest.fixture(scope="session")
def pair_folder(models: Path) -> Path:
    return build_pair(models / "tiny-pair")


@pytest.fixture(scope="session")
def settings(encoder_folder: Path, pair_folder: Path) -> Settings:
    """An ordinary encoder and the pair discriminator, on the CPU."""
    return Settings(
        model=encoder_folder,
        pair_model=pair_folder,
        device="cpu",
        intra_op_num_threads=1,
        token_encoding="litotes_tiny",  # of tests/tiktoken_ext: the others need the network
    )


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    """The one thread that forward passes run on."""
    with ThreadPoolExecutor(1) as pool:
        yield pool

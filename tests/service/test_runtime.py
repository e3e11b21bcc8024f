"""The models of one process: loading in the background, failing, closing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from service.errors import StartupError
from service.metrics import Metrics
from service.runtime import Runtime
from service.settings import Settings

pytestmark = pytest.mark.anyio


class Settlement:
    """Notes how often and with which state it was told of the end of loading."""

    def __init__(self) -> None:
        self.states: list[str] = []
        self.told = asyncio.Event()

    def __call__(self, runtime: Runtime) -> None:
        self.states.append(runtime.state)
        self.told.set()


async def test_the_models_are_there_once_they_are_loaded_and_gone_at_the_end(
    settings: Settings,
) -> None:
    settlement = Settlement()
    runtime = Runtime(settings, Metrics(), settlement)
    async with runtime.open():
        assert (runtime.state, runtime.encoder) == ("loading", None)
        await asyncio.wait_for(settlement.told.wait(), 30)
        assert runtime.encoder is not None
        assert runtime.discriminator is not None
        assert runtime.reranker is None
        encoder = runtime.encoder
    assert settlement.states == ["ready"]
    assert (runtime.encoder, runtime.discriminator, runtime.failure) == (None, None, None)
    assert not encoder.ready


async def test_a_pair_model_with_both_outputs_also_reranks(
    settings: Settings, reranking_folder: Path
) -> None:
    settlement = Settlement()
    both = settings.model_copy(update={"pair_model": reranking_folder})
    runtime = Runtime(both, Metrics(), settlement)
    async with runtime.open():
        await asyncio.wait_for(settlement.told.wait(), 30)
        assert runtime.discriminator is not None
        assert runtime.reranker is not None
    assert (runtime.discriminator, runtime.reranker) == (None, None)


async def test_a_failure_to_load_is_kept_for_who_started_it(
    settings: Settings, tmp_path: Path
) -> None:
    settlement = Settlement()
    broken = settings.model_copy(update={"pair_model": tmp_path})
    runtime = Runtime(broken, Metrics(), settlement)
    async with runtime.open():
        await asyncio.wait_for(settlement.told.wait(), 30)
        assert runtime.encoder is None
        assert isinstance(runtime.failure, StartupError)
    assert settlement.states == ["failed"]


async def test_loading_can_be_given_up(settings: Settings) -> None:
    settlement = Settlement()
    runtime = Runtime(settings, Metrics(), settlement)
    async with runtime.open():
        pass
    assert settlement.states == []
    assert (runtime.encoder, runtime.failure) == (None, None)

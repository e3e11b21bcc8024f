"""One model with its limits, from its loading to its closing."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tiny_models import HIDDEN

from service.engine import Engine
from service.errors import StartupError, Unavailable
from service.metrics import Metrics
from service.model_folder import read_encoder
from service.settings import Settings

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def opened(
    folder: Path, executor: ThreadPoolExecutor, **options: object
) -> AsyncIterator[Engine]:
    settings = Settings(model=folder, device="cpu", **options)
    spec = read_encoder(folder, "m", None)
    metrics = Metrics().for_model("m", encoder=True)
    async with Engine.open(
        spec, settings, executor, metrics, pooling=spec.pooling, zeros_allowed=False
    ) as engine:
        yield engine


@pytest.mark.parametrize(
    ("options", "tokens"),
    [
        ({"intra_op_num_threads": 1}, 1024),
        ({"intra_op_num_threads": 4}, 2048),
        ({"max_batch_tokens": 100}, 100),
        ({"max_queue_tokens": 500}, 500),
    ],
)
async def test_a_batch_is_what_the_operator_says_or_what_suits_the_processors(
    encoder_folder: Path, executor: ThreadPoolExecutor, options: dict[str, int], tokens: int
) -> None:
    async with opened(encoder_folder, executor, **options) as engine:
        assert engine.max_batch_tokens == tokens
        assert engine.width == HIDDEN


async def test_a_stuck_forward_pass_is_told_to_its_caller_and_shows_in_readiness(
    encoder_folder: Path, executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(encoder_folder, executor, pass_timeout=0.05) as engine:
        assert engine.ready
        gate = threading.Event()
        passes = engine._batcher._passes
        run = passes._run_batch
        monkeypatch.setattr(passes, "_run_batch", lambda items: gate.wait(20) and run(items))
        encodings = await engine.tokenizer.encode(["no"], truncate=True)
        with pytest.raises(Unavailable, match="stuck"):
            await engine.run(encodings, tokenization=0, deadline=None)
        assert not engine.ready
        with pytest.raises(Unavailable):
            await engine.run(encodings, tokenization=0, deadline=None)
        gate.set()
        while not engine.ready:
            await asyncio.sleep(0.001)
        assert len((await engine.run(encodings, tokenization=0, deadline=None)).rows) == 1


async def test_a_graph_that_loads_and_does_not_run_stops_the_start(
    encoder_folder: Path, tmp_path: Path, executor: ThreadPoolExecutor
) -> None:
    folder = Path(shutil.copytree(encoder_folder, tmp_path / "copy"))
    # The tiny graph has as many places as the folder says tokens; one more does not run.
    for name in ("config.json", "sentence_bert_config.json"):
        path = folder / name
        path.write_text(path.read_text().replace("32", "33"))
    with pytest.raises(StartupError, match="does not run"):
        async with opened(folder, executor):
            pass

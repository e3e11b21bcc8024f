"""Texts to vectors on tiny models, through everything below the routes."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from tiny_models import (
    EXCLUSION_WEIGHT,
    GENERAL,
    HIDDEN,
    MAX_TOKENS,
    POLARITY,
    WEIGHT,
    calibration_of,
)

from service.backend import OnnxBackend
from service.encoder import Encoder
from service.encoding import Encoding
from service.errors import (
    DeadlineExceeded,
    EmptyInput,
    InferenceFailed,
    InputTooLong,
    InvalidInput,
    StartupError,
    Unavailable,
)
from service.metrics import Metrics
from service.settings import Settings

pytestmark = pytest.mark.anyio

TEXTS = ["the drug works", "the drug does not work", "no pool", "a hotel without a pool " * 3]


@asynccontextmanager
async def opened(folder: Path, **options: object) -> AsyncIterator[tuple[Encoder, Metrics]]:
    settings = Settings(model=folder, device="cpu", intra_op_num_threads=1, **options)
    metrics = Metrics()
    with ThreadPoolExecutor(1) as executor:
        async with Encoder.open(settings, executor, metrics) as encoder:
            yield encoder, metrics


@pytest.fixture
async def encoder(encoder_folder: Path) -> AsyncIterator[Encoder]:
    async with opened(encoder_folder) as (encoder, _):
        yield encoder


@pytest.fixture
async def two_part(two_part_folder: Path) -> AsyncIterator[Encoder]:
    async with opened(two_part_folder) as (encoder, _):
        yield encoder


@pytest.fixture
async def gated(gated_folder: Path) -> AsyncIterator[Encoder]:
    async with opened(gated_folder) as (encoder, _):
        yield encoder


async def test_each_text_gets_a_unit_vector_that_does_not_depend_on_its_company(
    encoder: Encoder,
) -> None:
    together = await encoder.embed(TEXTS, truncate=True)
    assert together.vectors.shape == (len(TEXTS), encoder.dimensions)
    np.testing.assert_allclose(np.linalg.norm(together.vectors, axis=1), 1, atol=1e-6)
    for text, vector in zip(TEXTS, together.vectors, strict=True):
        alone = await encoder.embed([text], truncate=True)
        np.testing.assert_allclose(alone.vectors[0], vector, atol=1e-5)


async def test_concurrent_requests_get_their_own_vectors(encoder: Encoder) -> None:
    texts = [f"{'no ' * (n % 13)}drug {'good ' * (n % 7)}" for n in range(100)]
    expected = (await encoder.embed(texts, truncate=True)).vectors
    results = await asyncio.gather(*(encoder.embed([text], truncate=True) for text in texts))
    got = np.concatenate([result.vectors for result in results])
    np.testing.assert_allclose(got, expected, atol=1e-5)


async def test_tokens_are_counted_and_cuts_are_reported(encoder: Encoder) -> None:
    embeddings = await encoder.embed(["no pool", "no " * 100, "no"], truncate=True)
    assert embeddings.token_counts == [4, MAX_TOKENS, 3]
    assert embeddings.truncated == [1]
    timing = embeddings.timing
    assert min(timing.tokenization, timing.queue, timing.inference) >= 0


async def test_a_text_over_the_maximum_is_refused_where_it_may_not_be_cut(
    encoder: Encoder,
) -> None:
    with pytest.raises(InputTooLong) as failure:
        await encoder.embed(["no", "no " * 100], truncate=False)
    assert failure.value.index == 1


async def test_without_texts_there_is_nothing_to_embed(encoder: Encoder) -> None:
    with pytest.raises(EmptyInput):
        await encoder.embed([], truncate=True)


async def test_a_text_that_repeats_is_run_once_and_counted_each_time(encoder_folder: Path) -> None:
    long = "no " * 100
    texts = ["no pool", long, "no pool", "a hotel", long]
    async with opened(encoder_folder, served_model_name="mine") as (encoder, metrics):
        together = await encoder.embed(texts, truncate=True)
        ran = metrics.registry.get_sample_value("litotes_texts_total", {"model": "mine"})
        vectors = await encoder.embed_tokens(texts, truncate=True)
        alone = [await encoder.embed([text], truncate=True) for text in texts]
    assert ran == 3
    assert together.token_counts == [4, MAX_TOKENS, 4, 4, MAX_TOKENS]
    assert together.truncated == vectors.truncated == [1, 4]
    assert vectors.tokens == together.tokens
    np.testing.assert_array_equal(together.vectors[0], together.vectors[2])
    expected = np.concatenate([each.vectors for each in alone])
    np.testing.assert_allclose(together.vectors, expected, atol=1e-5)


async def test_a_fault_behind_texts_that_repeat_is_told_by_its_place(encoder: Encoder) -> None:
    for embed in (encoder.embed, encoder.embed_tokens):
        with pytest.raises(InputTooLong) as failure:
            await embed(["no", "no", "no", "no " * 100], truncate=False)
        assert failure.value.index == 3


async def test_a_token_whose_vector_is_not_finite_is_refused_with_its_text(
    encoder_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = OnnxBackend.run

    def run_and_spoil(backend: OnnxBackend, encodings: Sequence[Encoding]) -> np.ndarray:
        rows = run(backend, encodings)
        for encoding in encodings:
            if encoding.token_vectors and len(encoding) > 8:
                encoding.token_vectors[0][1, 1] = np.nan
        return rows

    monkeypatch.setattr(OnnxBackend, "run", run_and_spoil)
    async with opened(encoder_folder) as (encoder, _):
        found = await encoder.embed_tokens(TEXTS[:3], truncate=True)
        assert found.tokens == sum(len(vectors) for vectors in found.vectors) > 3
        with pytest.raises(InferenceFailed) as failure:
            await encoder.embed_tokens(TEXTS, truncate=True)
    assert failure.value.index == 3


async def test_dimensions_are_cut_first_and_scaled_afterwards(encoder: Encoder) -> None:
    whole = (await encoder.embed(TEXTS, truncate=True)).vectors
    cut = (await encoder.embed(TEXTS, truncate=True, dimensions=3)).vectors
    expected = whole[:, :3] / np.linalg.norm(whole[:, :3], axis=1, keepdims=True)
    np.testing.assert_allclose(cut, expected, atol=1e-6)


async def test_vectors_that_are_not_normalised_have_the_models_own_length(
    encoder: Encoder,
) -> None:
    unit = (await encoder.embed(TEXTS, truncate=True)).vectors
    raw = (await encoder.embed(TEXTS, truncate=True, normalize=False)).vectors
    lengths = np.linalg.norm(raw, axis=1, keepdims=True)
    assert abs(lengths - 1).max() > 0.01
    np.testing.assert_allclose(raw / lengths, unit, atol=1e-6)
    cut = (await encoder.embed(TEXTS, truncate=True, normalize=False, dimensions=2)).vectors
    np.testing.assert_allclose(cut, raw[:, :2])


@pytest.mark.parametrize("dimensions", [0, -1, HIDDEN + 1])
async def test_dimensions_out_of_range_are_refused(encoder: Encoder, dimensions: int) -> None:
    with pytest.raises(InvalidInput, match="`dimensions` should be") as failure:
        await encoder.embed(["no"], truncate=True, dimensions=dimensions)
    assert failure.value.param == "dimensions"


async def test_a_prompt_is_put_before_the_text(encoder: Encoder) -> None:
    prompted = await encoder.embed(["pool"], truncate=True, prompt_name="query")
    written = await encoder.embed(["find : pool"], truncate=True)
    np.testing.assert_allclose(prompted.vectors, written.vectors, atol=1e-6)


async def test_an_unknown_prompt_is_refused_with_the_known_ones(encoder: Encoder) -> None:
    with pytest.raises(InvalidInput, match="known: passage, query") as failure:
        await encoder.embed(["pool"], truncate=True, prompt_name="other")
    assert failure.value.param == "prompt_name"


async def test_an_ordinary_model_has_no_negation_weight(encoder: Encoder) -> None:
    with pytest.raises(InvalidInput) as failure:
        await encoder.embed(["no"], truncate=True, negation_weight=0.5)
    assert failure.value.param == "negation_weight"


@pytest.mark.parametrize("weight", [0, 0.1, WEIGHT, 0.8, 1])
async def test_the_weight_shares_the_unit_length_between_the_parts(
    two_part: Encoder, weight: float
) -> None:
    vectors = (await two_part.embed(TEXTS, truncate=True, negation_weight=weight)).vectors
    assert vectors.shape == (len(TEXTS), GENERAL + POLARITY)
    np.testing.assert_allclose((vectors[:, :GENERAL] ** 2).sum(axis=1), 1 - weight, atol=1e-5)
    np.testing.assert_allclose((vectors[:, GENERAL:] ** 2).sum(axis=1), weight, atol=1e-5)


async def test_the_default_weight_is_the_folders(two_part: Encoder) -> None:
    default = await two_part.embed(TEXTS, truncate=True)
    named = await two_part.embed(TEXTS, truncate=True, negation_weight=WEIGHT)
    raw = await two_part.embed(TEXTS, truncate=True, normalize=False)
    np.testing.assert_allclose(default.vectors, named.vectors, atol=1e-6)
    np.testing.assert_allclose(default.vectors, raw.vectors, atol=1e-6)


async def test_the_general_part_alone_does_not_depend_on_the_weight(two_part: Encoder) -> None:
    cuts = [
        (await two_part.embed(TEXTS, truncate=True, dimensions=GENERAL, negation_weight=w)).vectors
        for w in (0, 0.9)
    ]
    np.testing.assert_allclose(*cuts, atol=1e-5)


async def test_a_gated_encoder_gives_each_text_a_weight_of_its_own(gated: Encoder) -> None:
    vectors = (await gated.embed(TEXTS, truncate=True)).vectors
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    own = (vectors[:, GENERAL:] ** 2).sum(axis=1)
    assert own.min() > WEIGHT
    assert own.max() < EXCLUSION_WEIGHT
    assert np.ptp(own) > 0.1


@pytest.mark.parametrize("weight", [0, 0.1, WEIGHT, 0.8, EXCLUSION_WEIGHT, 1])
async def test_a_weight_that_is_asked_for_is_that_of_all_texts_in_spite_of_a_gate(
    gated: Encoder, two_part: Encoder, weight: float
) -> None:
    found = (await gated.embed(TEXTS, truncate=True, negation_weight=weight)).vectors
    expected = (await two_part.embed(TEXTS, truncate=True, negation_weight=weight)).vectors
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("dimensions", [None, GENERAL - 2, GENERAL, GENERAL + 1, GENERAL + 3])
async def test_no_gated_vector_passes_the_ranges_whichever_texts_they_were_measured_on(
    gated_folder: Path, tmp_path: Path, dimensions: int | None
) -> None:
    folder = Path(shutil.copytree(gated_folder, tmp_path / "copy"))
    async with opened(folder) as (encoder, _):
        served = (await encoder.embed(TEXTS, truncate=True, dimensions=dimensions)).vectors
        even = (await encoder.embed(TEXTS, truncate=True, negation_weight=WEIGHT)).vectors
    (folder / "calibration_ranges.json").write_text(json.dumps(calibration_of(even)))
    async with opened(folder) as (encoder, _):
        ranges = encoder.calibration(dimensions=dimensions)
        widest = encoder.calibration(dimensions=dimensions, negation_weight=EXCLUSION_WEIGHT)
    assert np.abs(served).max() <= ranges.maxima[0]
    # What a text reaches for which the gate is wholly open, whether or not one was among them.
    assert ranges.maxima[0] >= widest.maxima[0]


@pytest.mark.parametrize("weight", [-0.1, 1.1, float("nan"), float("inf")])
async def test_a_weight_out_of_range_is_refused(two_part: Encoder, weight: float) -> None:
    with pytest.raises(InvalidInput, match="between 0 and 1"):
        await two_part.embed(["no"], truncate=True, negation_weight=weight)


async def test_dimensions_that_hold_nothing_at_the_weight_are_refused(two_part: Encoder) -> None:
    with pytest.raises(InvalidInput, match="zero"):
        await two_part.embed(["no"], truncate=True, negation_weight=1, dimensions=GENERAL)


async def test_a_deadline_in_the_past_is_exceeded(encoder: Encoder) -> None:
    with pytest.raises(DeadlineExceeded):
        await encoder.embed(["no"], truncate=True, deadline=asyncio.get_running_loop().time())


async def test_the_default_deadline_is_the_request_timeout(encoder_folder: Path) -> None:
    async with opened(encoder_folder, request_timeout=1e-9) as (encoder, _):
        with pytest.raises(DeadlineExceeded):
            await encoder.embed(["no"], truncate=True)


async def test_a_closed_encoder_is_neither_ready_nor_available(encoder_folder: Path) -> None:
    async with opened(encoder_folder) as (encoder, metrics):
        assert encoder.ready
        assert metrics.registry.get_sample_value("litotes_model_ready", {"model": "tiny"}) == 1
    assert not encoder.ready
    assert metrics.registry.get_sample_value("litotes_model_ready", {"model": "tiny"}) == 0
    with pytest.raises(Unavailable):
        await encoder.embed(["no"], truncate=True)


async def test_what_was_embedded_can_be_read_off_the_metrics(encoder_folder: Path) -> None:
    async with opened(encoder_folder, served_model_name="mine") as (encoder, metrics):
        await encoder.embed(["no pool", "no " * 100], truncate=True)
        value = metrics.registry.get_sample_value
        assert value("litotes_texts_total", {"model": "mine"}) == 2
        assert value("litotes_tokens_total", {"model": "mine"}) == 4 + MAX_TOKENS
        assert value("litotes_truncated_inputs_total", {"model": "mine"}) == 1
        provider = {"model": "mine", "provider": encoder.provider}
        assert value("litotes_provider_info", provider) == 1
        assert value("te_embed_success") == 2
        assert value("te_request_input_length_sum") == 4 + 102


async def test_a_graph_of_another_width_than_the_folder_says_stops_the_start(
    two_part_folder: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(two_part_folder, tmp_path / "copy"))
    config = folder / "two_part_config.json"
    config.write_text(config.read_text().replace(f'sions": {GENERAL}', f'sions": {GENERAL + 1}'))
    with pytest.raises(StartupError, match="11 dimensions"):
        async with opened(folder):
            pass


async def test_ranges_of_another_width_than_the_graph_stop_the_start(
    two_part_folder: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(two_part_folder, tmp_path / "copy"))
    ranges = {"minima": [0, 0], "maxima": [1, 1], "mean_squares": [0.5, 0.5]}
    (folder / "calibration_ranges.json").write_text(json.dumps(ranges))
    with pytest.raises(StartupError, match="2 dimensions, the graph 10"):
        async with opened(folder):
            pass


@pytest.mark.parametrize("spoiled", ["tokenizer.json", "onnx/model.onnx", "config.json"])
async def test_a_spoiled_folder_stops_the_start(
    encoder_folder: Path, tmp_path: Path, spoiled: str
) -> None:
    folder = Path(shutil.copytree(encoder_folder, tmp_path / "copy"))
    (folder / spoiled).write_text("{}")
    with pytest.raises(StartupError):
        async with opened(folder):
            pass

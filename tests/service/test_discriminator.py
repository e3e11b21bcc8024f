"""Pairs of texts to relations on a tiny cross-encoder."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tiny_models import RELATIONS

from service.discriminator import Judgement, PairDiscriminator
from service.errors import EmptyInput, InputTooLong, StartupError
from service.metrics import Metrics
from service.pair_model import PairModel
from service.settings import Settings

pytestmark = pytest.mark.anyio

PAIRS = [
    ("the drug works", "the drug does not work"),
    ("no pool", "a hotel without a pool"),
    ("patients may work", "the trial was good"),
    ("bad", "not good"),
]


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[PairDiscriminator]:
    settings = Settings(pair_model=folder, device="cpu", intra_op_num_threads=1)
    with ThreadPoolExecutor(1) as executor:
        async with PairModel.open(settings, executor, Metrics()) as model:
            assert model is not None
            yield model.discriminator


async def judge(discriminator: PairDiscriminator, pairs: list[tuple[str, str]]) -> list[Judgement]:
    return (await discriminator.judge(pairs, truncate=True)).judgements


@pytest.fixture
async def discriminator(pair_folder: Path) -> AsyncIterator[PairDiscriminator]:
    async with opened(pair_folder) as discriminator:
        yield discriminator


def with_threshold(folder: Path, copy: Path, threshold: float) -> Path:
    copy = Path(shutil.copytree(folder, copy))
    config = json.loads((copy / "config.json").read_text())
    config["litotes"]["abstention_threshold"] = threshold
    (copy / "config.json").write_text(json.dumps(config))
    return copy


async def test_each_pair_gets_scores_that_sum_to_one(discriminator: PairDiscriminator) -> None:
    judgements = await judge(discriminator, PAIRS)
    assert len(judgements) == len(PAIRS)
    for judgement in judgements:
        assert list(judgement.scores) == RELATIONS
        assert sum(judgement.scores.values()) == pytest.approx(1, abs=1e-6)
        assert judgement.relation == max(judgement.scores, key=judgement.scores.__getitem__)
    assert len({judgement.relation for judgement in judgements}) > 1


async def test_the_order_within_a_pair_makes_no_difference(
    discriminator: PairDiscriminator,
) -> None:
    long = ("the drug works " * 20, "no pool " * 15)
    pairs = [*PAIRS, long]
    straight = await judge(discriminator, pairs)
    mirrored = await judge(discriminator, [(b, a) for a, b in pairs])
    for one, other in zip(straight, mirrored, strict=True):
        assert one.scores == pytest.approx(other.scores, abs=1e-6)


async def test_a_pair_is_judged_alike_alone_and_in_company(
    discriminator: PairDiscriminator,
) -> None:
    together = await judge(discriminator, PAIRS)
    for pair, judgement in zip(PAIRS, together, strict=True):
        (alone,) = await judge(discriminator, [pair])
        assert alone.scores == pytest.approx(judgement.scores, abs=1e-5)


async def test_a_cut_is_reported_or_refused(discriminator: PairDiscriminator) -> None:
    pairs = [("no", "no"), ("no", "no " * 60)]
    judgements = await judge(discriminator, pairs)
    assert [judgement.truncated for judgement in judgements] == [False, True]
    with pytest.raises(InputTooLong) as failure:
        await discriminator.judge(pairs, truncate=False)
    assert failure.value.index == 1


async def test_no_relation_is_named_under_the_threshold(pair_folder: Path, tmp_path: Path) -> None:
    async def judged(threshold: float) -> list[Judgement]:
        folder = with_threshold(pair_folder, tmp_path / str(threshold), threshold)
        async with opened(folder) as discriminator:
            return await judge(discriminator, PAIRS)

    sure, unsure = await judged(0), await judged(1)
    assert [one.scores for one in sure] == [other.scores for other in unsure]
    assert None not in [judgement.relation for judgement in sure]
    assert [judgement.relation for judgement in unsure] == [None] * len(PAIRS)


async def test_nothing_to_judge_is_refused(discriminator: PairDiscriminator) -> None:
    with pytest.raises(EmptyInput):
        await discriminator.judge([], truncate=True)
    with pytest.raises(EmptyInput) as failure:
        await discriminator.judge([("no", "no"), ("no", "")], truncate=True)
    assert failure.value.index == 1


async def test_texts_without_content_are_judged_where_they_are_allowed(
    discriminator: PairDiscriminator,
) -> None:
    pairs = [("no", ""), ("", "no"), ("", "")]
    answer = await discriminator.judge(pairs, truncate=True, blanks_allowed=True)
    scores = [judgement.scores for judgement in answer.judgements]
    assert scores[0] == pytest.approx(scores[1], abs=1e-6)
    assert scores[0] != pytest.approx(scores[2], abs=1e-3)


async def test_the_tokens_of_both_orders_are_counted(discriminator: PairDiscriminator) -> None:
    answer = await discriminator.judge([("the drug", "no pool")], truncate=True)
    assert answer.tokens == 2 * 7
    assert answer.timing.inference > 0


async def test_a_second_output_leaves_the_judgements_as_they_are(
    discriminator: PairDiscriminator, reranking_folder: Path
) -> None:
    plain = await judge(discriminator, PAIRS)
    async with opened(reranking_folder) as reranking:
        both = await judge(reranking, PAIRS)
    for one, other in zip(plain, both, strict=True):
        assert one.relation == other.relation
        assert one.scores == pytest.approx(other.scores, abs=1e-6)


async def test_without_a_pair_model_there_is_none_to_ask(executor: ThreadPoolExecutor) -> None:
    async with PairModel.open(Settings(pair_model=None), executor, Metrics()) as model:
        assert model is None


async def test_an_encoders_folder_is_no_discriminator(encoder_folder: Path) -> None:
    with pytest.raises(StartupError, match="id2label"):
        async with opened(encoder_folder):
            pass

"""Encoders as functions, the dev tasks on them, and the criterion that joins the figures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from training import corpus
from training.evaluation import tasks
from training.evaluation.base_encoder import BaseEncoder
from training.evaluation.encoding import Remembered, Reweighted, Vectors, unit
from training.evaluation.joint import JointEvaluator, joint_score, measure
from training.evaluation.tasks import DEV_TASKS, Encode

TEXTS = ["The pump leaks.", "No pump leaks.", "The boat is late.", "The pump leaks."]


def served(weight: float) -> Encode:
    """A two-part encoder of three general and two polarity dimensions."""

    def encode(texts: Sequence[str]) -> Vectors:
        rows = np.array(
            [np.random.default_rng(sum(text.encode())).normal(size=5) for text in texts]
        )
        parts = unit(rows[:, :3]) * np.sqrt(1 - weight), unit(rows[:, 3:]) * np.sqrt(weight)
        return np.hstack(parts).astype(np.float32)

    return encode


def test_at_its_own_weight_an_encoder_stays_the_same() -> None:
    encode = served(0.3)
    np.testing.assert_allclose(Reweighted(encode, 3, 0.3)(TEXTS), encode(TEXTS), atol=1e-6)


def test_another_weight_gives_what_an_encoder_of_that_weight_gives() -> None:
    reweighted = Reweighted(served(0.3), 3, 0.8)(TEXTS)
    np.testing.assert_allclose(reweighted, served(0.8)(TEXTS), atol=1e-6)
    assert reweighted.dtype == np.float32


@pytest.mark.parametrize(("weight", "part"), [(0.0, slice(0, 3)), (1.0, slice(3, 5))])
def test_at_the_ends_one_part_is_all_there_is(weight: float, part: slice) -> None:
    encode = served(0.3)
    vectors = Reweighted(encode, 3, weight)(TEXTS)
    alone = unit(encode(TEXTS)[:, part])
    np.testing.assert_allclose(vectors @ vectors.T, alone @ alone.T, atol=1e-6)
    np.testing.assert_allclose(vectors[:, part], alone, atol=1e-6)


def test_each_text_is_encoded_once() -> None:
    runs: list[list[str]] = []

    def encode(texts: Sequence[str]) -> Vectors:
        runs.append(list(texts))
        return served(0.3)(texts)

    remembered = Remembered(encode)
    first = remembered(TEXTS)
    second = remembered([*TEXTS[::-1], "The door is open."])
    assert runs == [TEXTS[:3], ["The door is open."]]
    np.testing.assert_array_equal(first, served(0.3)(TEXTS))
    np.testing.assert_array_equal(second[:4], first[::-1])


def test_the_base_encoder_is_the_mean_of_its_tokens_at_unit_length(
    tiny_base: Path, model: SentenceTransformer
) -> None:
    vectors = BaseEncoder(str(tiny_base))(TEXTS)
    general = Reweighted(lambda texts: model.encode(list(texts)), 32, 0.0)(TEXTS)
    np.testing.assert_allclose(vectors, general[:, :32], atol=1e-5)


def oracle(pairs: dict[str, str]) -> Encode:
    """Gives a text the vector of what it belongs to, and all others vectors far from it."""

    def encode(texts: Sequence[str]) -> Vectors:
        seeds = [crc32(pairs.get(text, text).encode()) for text in texts]
        return unit(np.array([np.random.default_rng(seed).normal(size=64) for seed in seeds]))

    return encode


def test_the_contrast_task_gives_full_marks_to_who_knows_and_none_to_who_is_always_wrong() -> None:
    rows = corpus.contrasts("dev")
    right = {row.query_a: row.doc_a for row in rows} | {row.query_b: row.doc_b for row in rows}
    wrong = {row.query_a: row.doc_b for row in rows} | {row.query_b: row.doc_a for row in rows}
    assert tasks.contrast(oracle(right)) == 1.0
    assert tasks.contrast(oracle(wrong)) == 0.0


def test_the_exclusion_task_gives_full_marks_to_who_knows() -> None:
    rows = corpus.exclusions("dev")
    knows = {text: row.query for row in rows for text in row.relevant}
    errs = {text: row.query for row in rows for text in row.violating}
    assert tasks.exclusion(oracle(knows)) == 1.0
    assert tasks.exclusion(oracle(errs)) == 0.0


def test_the_group_tasks_order_same_over_hedged_over_negated() -> None:
    groups = corpus.groups("dev")
    same = {text: group.anchor for group in groups for text in group.same}
    hedged = {text: group.anchor for group in groups for text in group.hedged}
    assert tasks.same_over_negated(oracle(same)) == 1.0
    assert tasks.same_over_hedged(oracle(same)) == 1.0
    assert tasks.same_over_hedged(oracle(hedged)) == 0.0
    assert tasks.hedged_over_negated(oracle(hedged)) == 1.0


def test_the_retrieval_task_can_be_measured_on_a_sample() -> None:
    subjects = ("pump", "door", "valve", "lamp", "train", "boat")
    answers = {f"Is the {name} late?": name for name in subjects}
    texts = {f"The {name} runs at night and never leaks.": name for name in subjects}
    asked: list[str] = []

    def encode(batch: Sequence[str]) -> Vectors:
        asked.extend(batch)
        return oracle(answers | texts)(batch)

    assert tasks.medquad(encode) == 1.0
    asked.clear()
    assert tasks.medquad(encode, queries=2, documents=1) == 1.0
    assert len(asked) == 2 + 3


@pytest.mark.usefixtures("no_public_data")
def test_without_public_data_the_distilled_dev_rows_are_measured() -> None:
    figures = measure(Remembered(served(0.3)), DEV_TASKS)
    assert set(figures) == {
        "contrast",
        "exclusion",
        "same_over_negated",
        "same_over_hedged",
        "hedged_over_negated",
    }
    assert all(0 <= figure <= 1 for figure in figures.values())


FIGURES = {"contrast": 0.4, "exclusion": 0.6, "same_over_negated": 0.8, "stsb_spearman": 0.80}


@pytest.mark.parametrize(
    ("floor", "score"),
    [(0.0, 0.6), (-0.05, 0.6), (0.02, 0.6 - 10 * 0.02)],
    ids=["as the base", "above the floor", "two points under it"],
)
def test_a_shortfall_under_a_floor_is_penalised(floor: float, score: float) -> None:
    joint = joint_score(FIGURES, {"stsb_spearman": 0.80}, {"stsb_spearman": floor})
    assert joint == pytest.approx(score)


def test_no_gain_on_negation_makes_up_for_a_point_under_the_floor() -> None:
    base, floors = {"stsb_spearman": 0.8}, {"stsb_spearman": 0.0}
    better = FIGURES | {"contrast": 0.69, "stsb_spearman": 0.79}
    assert joint_score(better, base, floors) < joint_score(FIGURES, base, floors)


def test_what_is_above_the_floor_earns_nothing() -> None:
    base, floors = {"stsb_spearman": 0.8}, {"stsb_spearman": 0.0}
    assert joint_score(FIGURES | {"stsb_spearman": 0.9}, base, floors) == joint_score(
        FIGURES, base, floors
    )


def test_a_floor_without_its_data_costs_nothing() -> None:
    assert joint_score(FIGURES, {}, {"medquad_ndcg10": 0.0}) == pytest.approx(0.6)


def test_the_evaluator_measures_an_encoder_beside_its_own_general_part(
    model: SentenceTransformer, tmp_path: Path
) -> None:
    evaluator = JointEvaluator({"stsb_spearman": 0.0}, bf16=False)
    figures = evaluator(model, str(tmp_path), steps=7)
    (line,) = (tmp_path / "dev.jsonl").read_text().splitlines()
    record = json.loads(line)
    assert record.pop("step") == 7
    # An untrained polarity part is the general part, so nothing was lost.
    assert record.pop("base") == {"stsb_spearman": figures["stsb_spearman"]}
    assert record == figures
    assert set(figures) == {*DEV_TASKS, "joint"}
    assert figures["joint"] == pytest.approx(joint_score(figures, {}, {}))

"""The joint criterion, and the weight that it chooses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from encoders import gated, oracle, served
from sentence_transformers import SentenceTransformer

from training import corpus, public
from training.evaluation.dial import COARSE, Dial, joint_score, measure, turn
from training.evaluation.encoding import Encode, Gate, Remembered, Vectors
from training.evaluation.joint import JointEvaluator
from training.evaluation.tasks import DEV_TASKS, RUN_TASKS

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


def test_the_weight_is_the_one_with_the_best_score() -> None:
    assert Dial({}, {}, {0.3: 0.4, 0.5: 0.6, 0.7: 0.5}).weight == 0.5
    assert Dial({}, {}, {0.3: -0.4, 0.5: -0.6}).weight == 0.3


@pytest.mark.usefixtures("no_public_data")
def test_each_weight_is_measured_as_an_encoder_of_that_weight() -> None:
    dial = turn(Remembered(served(0.5)), 3, {}, (0.2, 0.7))
    assert set(dial.figures) == set(dial.scores) == {0.2, 0.7}
    for weight, figures in dial.figures.items():
        assert figures == pytest.approx(measure(Remembered(served(weight)), RUN_TASKS), abs=0.01)
        assert dial.scores[weight] == joint_score(figures, {}, {})
    assert dial.figures[0.2] != dial.figures[0.7]


@pytest.mark.usefixtures("no_public_data")
def test_with_a_gate_each_weight_is_measured_as_the_least_of_a_gated_encoder() -> None:
    dial = turn(Remembered(gated(0.5, 0.8)), 3, {}, (0.2, 0.7, 0.8, 0.9), gate=Gate(0.5, 0.8))
    assert set(dial.figures) == {0.2, 0.7}
    for weight, figures in dial.figures.items():
        encode = Remembered(gated(weight, 0.8))
        assert figures == pytest.approx(measure(encode, RUN_TASKS), abs=0.01)
    assert dial.figures != turn(Remembered(served(0.5)), 3, {}, (0.2, 0.7)).figures


def test_the_base_figures_know_no_gate() -> None:
    floors = {"stsb_spearman": 0.0}
    dial = turn(Remembered(gated(0.5, 0.8)), 3, floors, (0.2,), gate=Gate(0.5, 0.8))
    assert dial.base == turn(Remembered(served(0.5)), 3, floors, (0.2,)).base


def test_an_exclusion_weight_under_all_weights_that_are_tried_is_refused() -> None:
    with pytest.raises(ValueError, match="exclusion_weight is not over any negation weight"):
        turn(Remembered(gated(0.1, 0.2)), 3, {}, (0.3, 0.6), gate=Gate(0.1, 0.2))


def test_every_text_runs_once_for_all_weights() -> None:
    runs: list[str] = []

    def encode(texts: Sequence[str]) -> Vectors:
        runs.extend(texts)
        return served(0.5)(texts)

    turn(Remembered(encode), 3, {"stsb_spearman": 0.0}, (0.3, 0.6))
    assert len(runs) == len(set(runs))


def torn() -> Encode:
    """The general part grades STS as people do, the polarity part knows contrasts and errs on STS.

    The order of the STS pairs is right as long as the general part weighs more than the other.
    """
    pairs = public.load("stsb/dev")
    first, second = {pair["a"] for pair in pairs}, {pair["b"]: pair["score"] for pair in pairs}
    rows = corpus.contrasts("dev")
    knows = {row.query_a: row.doc_a for row in rows} | {row.query_b: row.doc_b for row in rows}

    def plane(text: str, *, backwards: bool) -> Vectors:
        """The first texts lie along one axis, the second at the cosine that is their score."""
        if text not in second:
            return oracle({})([text])[0, :2]
        score = second[text]
        cosine = 1 - score if backwards else score
        return np.array((cosine, (1 - cosine**2) ** 0.5))

    def encode(texts: Sequence[str]) -> Vectors:
        axis = np.array((1.0, 0.0))
        general = [axis if text in first else plane(text, backwards=False) for text in texts]
        polarity = np.zeros((len(texts), 66))
        for row, text in enumerate(texts):
            if text in first:
                polarity[row, :2] = axis
            elif text in second:
                polarity[row, :2] = plane(text, backwards=True)
            else:
                polarity[row, 2:] = oracle(knows)([text])[0]
        return np.hstack((general, polarity)).astype(np.float32)

    return encode


def test_a_weight_that_pays_with_general_quality_is_not_chosen() -> None:
    encode, weights = Remembered(torn()), (0.2, 0.4, 0.6, 0.8)
    free = turn(encode, 2, {}, weights)
    bound = turn(encode, 2, {"stsb_spearman": 0.0}, weights)
    assert free.base == {}
    assert bound.base == {"stsb_spearman": pytest.approx(1)}
    assert (free.weight, bound.weight) == (0.8, 0.4)
    assert bound.scores[0.4] == free.scores[0.4]
    assert bound.scores[0.6] < 0 < free.scores[0.6]


def test_the_evaluator_reports_an_encoder_at_its_best_weight_beside_its_general_part(
    model: SentenceTransformer, tmp_path: Path
) -> None:
    evaluator = JointEvaluator({"stsb_spearman": 0.0}, bf16=False)
    figures = evaluator(model, str(tmp_path), steps=7)
    assert set(figures) == {*DEV_TASKS, "joint", "negation_weight"}
    assert figures[evaluator.primary_metric] == figures["joint"]
    (line,) = (tmp_path / "dev.jsonl").read_text().splitlines()
    record = json.loads(line)
    assert record.pop("step") == 7
    # An untrained polarity part is the general part, so nothing was lost.
    base, sweep = record.pop("base"), record.pop("sweep")
    assert base == {"stsb_spearman": pytest.approx(figures["stsb_spearman"])}
    assert record == figures
    assert [float(weight) for weight in sweep] == list(COARSE)
    assert {**sweep[str(record["negation_weight"])]}.items() <= record.items()
    scores = [joint_score(found, base, {"stsb_spearman": 0.0}) for found in sweep.values()]
    assert record["joint"] == max(scores)


def test_the_evaluator_measures_a_checkpoint_as_it_is_served(
    model: SentenceTransformer, tmp_path: Path
) -> None:
    model[0].gate_exclusions(0.65)

    def prepare(prepared: SentenceTransformer) -> None:
        with torch.no_grad():
            prepared[0].gate.opening.bias.fill_(1.0)

    JointEvaluator({}, bf16=False, prepare=prepare)(model, str(tmp_path))
    assert model[0].gate.opening.bias == 1
    sweep = json.loads((tmp_path / "dev.jsonl").read_text())["sweep"]
    assert [float(weight) for weight in sweep] == [weight for weight in COARSE if weight < 0.65]


def test_a_base_that_was_kept_stays_when_training_changes_the_general_part(
    model: SentenceTransformer, tmp_path: Path
) -> None:
    evaluator = JointEvaluator({"stsb_spearman": 0.0}, bf16=False)
    evaluator.keep_base(model)
    changed = deepcopy(model)
    with torch.no_grad():
        for weight in changed[0].general.parameters():
            weight.normal_(generator=torch.Generator().manual_seed(1))
    evaluator(changed, str(tmp_path / "kept"))
    JointEvaluator({"stsb_spearman": 0.0}, bf16=False)(changed, str(tmp_path / "own"))
    kept, own = (
        json.loads((tmp_path / name / "dev.jsonl").read_text())["base"] for name in ("kept", "own")
    )
    assert kept == evaluator.base
    assert kept != own

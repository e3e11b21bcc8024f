"""Encoders as functions, and the dev tasks on them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from encoders import gated, oracle, served
from sentence_transformers import SentenceTransformer

from training import corpus, public
from training.edited_contrasts import PASSAGES, QUERIES, edited_contrasts
from training.evaluation import tasks
from training.evaluation.base_encoder import BaseEncoder
from training.evaluation.dial import measure
from training.evaluation.encoding import Gate, Remembered, Reweighted, Vectors, unit
from training.evaluation.tasks import DEV_TASKS

TEXTS = ["The pump leaks.", "No pump leaks.", "The boat is late.", "The pump leaks."]


def test_at_its_own_weight_an_encoder_stays_the_same() -> None:
    encode = served(0.3)
    np.testing.assert_allclose(Reweighted(encode, 3, 0.3)(TEXTS), encode(TEXTS), atol=1e-6)


def test_another_weight_gives_what_an_encoder_of_that_weight_gives() -> None:
    reweighted = Reweighted(served(0.3), 3, 0.8)(TEXTS)
    np.testing.assert_allclose(reweighted, served(0.8)(TEXTS), atol=1e-6)
    assert reweighted.dtype == np.float32


@pytest.mark.parametrize("weight", [0.1, 0.3, 0.6])
def test_a_gate_stays_as_far_open_at_another_weight(weight: float) -> None:
    encode, gate = gated(0.3, 0.8), Gate(0.3, 0.8)
    found = Reweighted(encode, 3, weight, gate)(TEXTS)
    np.testing.assert_allclose(found, gated(weight, 0.8)(TEXTS), atol=1e-6)
    assert found.dtype == np.float32
    own = (found[:, 3:] ** 2).sum(axis=1)
    assert np.ptp(own) > 0.05


def test_without_its_gate_a_gated_encoder_has_one_weight_for_all_texts() -> None:
    found = Reweighted(gated(0.3, 0.8), 3, 0.5)(TEXTS)
    np.testing.assert_allclose(found, served(0.5)(TEXTS), atol=1e-6)


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


def test_ndcg_of_exclusions_gives_full_marks_to_who_knows_and_few_to_who_errs() -> None:
    rows = corpus.exclusions("dev")
    knows = {text: row.query for row in rows for text in row.relevant}
    errs = {text: row.query for row in rows for text in row.violating}
    assert tasks.exclusion_ndcg(oracle(knows)) == pytest.approx(1)
    # Two violating passages come first, so at best the relevant ones stand third and fourth.
    third_and_fourth = 1 / np.log2(4) + 1 / np.log2(5)
    assert tasks.exclusion_ndcg(oracle(errs)) < third_and_fourth / (1 + 1 / np.log2(3))


def test_ndcg_of_exclusions_asks_for_the_topic_and_the_share_of_right_orders_does_not() -> None:
    rows = corpus.exclusions("dev")
    respectful = {text: "all" for row in rows for text in (row.query, *row.relevant)}
    assert tasks.exclusion(oracle(respectful)) == 1.0
    assert tasks.exclusion_ndcg(oracle(respectful)) < 0.2


def test_perspectives_are_relevant_whichever_side_they_take() -> None:
    pairs = public.load("perspectrum/dev_claim_stance")
    views = {pair["b"]: pair["a"] for pair in pairs}
    assert tasks.perspectives(oracle(views)) == pytest.approx(1)
    supporting = {pair["b"]: pair["a"] for pair in pairs if pair["label"] == "support"}
    one_sided = tasks.perspectives(oracle(supporting))
    assert one_sided is not None
    # The first place is always right; the other view may be anywhere.
    assert 1 / (1 + 1 / np.log2(3)) < one_sided < 1


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
        "contrast_wide",
        "exclusion",
        "exclusion_ndcg10",
        "exclusion_search",
        "same_over_negated",
        "same_over_hedged",
        "hedged_over_negated",
    }
    assert all(0 <= figure <= 1 for figure in figures.values())


def test_edited_passages_stand_beside_our_queries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edits = {"pump": ("The pump leaks.", "No pump leaks."), "boat": ("Late.", "In time.")}
    monkeypatch.setenv("LITOTES_DATA", str(tmp_path))
    monkeypatch.setattr(corpus, "DATA", tmp_path)
    passages = tmp_path / f"{PASSAGES}.jsonl.gz"
    passages.parent.mkdir()
    with gzip.open(passages, "wt", encoding="utf-8") as lines:
        for name, (first, second) in edits.items():
            lines.write(json.dumps({"id": name, "a": first, "b": second}) + "\n")
    asked = {"id": "pump", "query_a": "wet pumps", "query_b": "dry pumps"}
    unknown = asked | {"id": "one that is not there"}
    (tmp_path / QUERIES).write_text(json.dumps(asked) + "\n" + json.dumps(unknown) + "\n")
    assert edited_contrasts() == [corpus.Contrast("wet pumps", "dry pumps", *edits["pump"])]
    right = dict(zip(("wet pumps", "dry pumps"), edits["pump"], strict=True))
    assert tasks.contrast_edited(oracle(right)) == 1.0
    swapped = dict(zip(right, reversed(edits["pump"]), strict=True))
    assert tasks.contrast_edited(oracle(swapped)) == 0.0
    passages.unlink()
    assert tasks.contrast_edited(oracle({})) is None

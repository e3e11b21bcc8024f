"""Polarity consistency and contradiction index, against the paper's formula and known encoders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dev_rows import GROUP, several, write_dev_rows
from encoders import oracle

from training import corpus
from training.probing.consistency import consistency, fit, indices


@pytest.fixture
def small_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_dev_rows(tmp_path)
    monkeypatch.setattr(corpus, "DATA", tmp_path)
    return tmp_path


def paper(agree: float, deny: float) -> tuple[float, float]:
    """PC and CI of a pair as PA-CCS has them, with 1 - p for the answer no."""
    yes, no = np.array([agree, deny]), 1 - np.array([agree, deny])
    signs = np.sign(yes[0] - yes[1]) * np.sign(no[1] - no[0])
    squares = ((yes[0] - no[1]) ** 2 + (no[0] - yes[1]) ** 2) / 2
    return float(squares * signs), float(yes[0] * yes[1] + no[0] * no[1])


def test_the_indices_are_the_papers_where_no_is_the_rest_of_yes() -> None:
    same, negated = np.array([0.9, 0.4], np.float32), np.array([0.2, 0.7, 0.6], np.float32)
    expected = np.mean([paper(float(a), float(n)) for a in same for n in negated], axis=0)
    assert indices(same, negated)[:2] == pytest.approx(tuple(expected), abs=1e-6)
    assert indices(same, negated)[2] == pytest.approx(4 / 6)


@pytest.mark.usefixtures("small_rows")
def test_an_encoder_that_holds_them_apart_is_consistent() -> None:
    same = {text: group.anchor for group in corpus.groups("dev") for text in group.same}
    found = consistency(oracle(same))
    assert found["right_order"] == 1
    assert found["polarity_consistency"] < 0.01
    assert found["contradiction_index"] < 0.05
    assert [half["groups"] for half in found["fits"]] == [3, 3]


@pytest.mark.usefixtures("small_rows")
def test_an_encoder_to_which_denials_are_nearer_knows_nothing() -> None:
    denied = {text: group.anchor for group in corpus.groups("dev") for text in group.negated}
    found = consistency(oracle(denied))
    assert found["right_order"] == 0
    assert found["contradiction_index"] == pytest.approx(0.5)
    assert {half["slope"] for half in found["fits"]} == {0}


def test_each_kind_of_text_weighs_the_same_in_the_fit() -> None:
    same = [np.array([0.8, 0.9], np.float32)]
    negated = [np.array([0.1, 0.2], np.float32)]
    balanced = fit(same, negated)
    assert fit(same, negated * 9) == pytest.approx(balanced, rel=0.05)
    slope, offset = balanced
    assert -offset / slope == pytest.approx(0.5, abs=0.01)


def test_one_group_is_too_few_to_fit_and_measure(small_rows: Path) -> None:
    path = small_rows / "sentence.dev.jsonl"
    path.write_text(several(GROUP).splitlines(keepends=True)[0])
    with pytest.raises(ValueError, match=r"sentence\.dev\.jsonl: two groups are needed"):
        consistency(oracle({}))

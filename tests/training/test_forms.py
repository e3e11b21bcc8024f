"""What smaller vectors keep, on vectors of which it is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from service.model_folder import read_encoder
from service.quantization import CalibrationRanges
from training.evaluation import forms
from training.evaluation.encoding import Remembered, Vectors, unit
from training.serving import ServedEncoder


def vectors(count: int = 60, dimensions: int = 32) -> Vectors:
    rows = np.random.default_rng(5).normal(size=(count, dimensions))
    return unit(rows).astype(np.float32)


def ranges_of(rows: Vectors) -> CalibrationRanges:
    return CalibrationRanges(rows.min(axis=0), rows.max(axis=0), (rows**2).mean(axis=0))


def test_the_nearest_of_a_text_are_others() -> None:
    rows = vectors()
    found = forms.nearest(rows @ rows.T)
    assert found.shape == (60, forms.NEAREST)
    assert all(place not in row for place, row in enumerate(found.tolist()))
    assert found[3].tolist() == [n for n in np.argsort(-rows @ rows[3]).tolist() if n != 3][:10]


def test_fine_steps_keep_nearly_all_and_useless_ones_nearly_none() -> None:
    rows = vectors()
    fine = ranges_of(rows).shared()
    assert forms.share_kept(rows, rows, (fine, fine)) > 0.95
    useless = CalibrationRanges(rows.min(axis=0) - 900, rows.max(axis=0) + 900, fine.mean_squares)
    assert forms.share_kept(rows, rows, (useless, useless)) < 0.4


def test_bits_rank_as_the_signs_do() -> None:
    corners = np.sign(vectors())
    assert forms.bits_correlation(corners / np.sqrt(32)) == pytest.approx(1.0, abs=0.01)
    assert 0.5 < forms.bits_correlation(vectors()) < 0.95


def test_an_exported_folder_is_measured_at_several_weights(exported: Path) -> None:
    spec = read_encoder(exported, "tiny", None)
    found = forms.forms(Remembered(ServedEncoder(exported)), spec)
    assert found["texts"] == len(forms.dev_texts())
    assert spec.two_part is not None
    assert list(found["int8"]) == ["served", "0", "0.3", "0.9", "1"]
    for kept in found["int8"].values():
        assert all(0 <= share <= 1 for share in kept.values())
    assert -1 <= found["bits"] <= 1

"""The calibration ranges that the export writes, and the bytes that come of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers.util.quantization import quantize_embeddings

from service.model_folder import CALIBRATION, read_encoder
from service.quantization import Precision, quantize
from training.quantization import calibrate, calibration_texts
from training.serving import ServedEncoder


def test_the_exported_folder_holds_the_ranges_of_its_vectors(exported: Path) -> None:
    content = json.loads((exported / CALIBRATION).read_text())
    texts = calibration_texts()
    assert content["texts"] == len(texts) == len(set(texts))
    spec = read_encoder(exported, "tiny", None)
    assert spec.calibration is not None
    assert sum(content["mean_squares"]) == pytest.approx(1, abs=1e-4)
    some = ServedEncoder(exported)(texts[:200])
    assert (some >= spec.calibration.minima - 1e-4).all()
    assert (some <= spec.calibration.maxima + 1e-4).all()


def test_ranges_are_those_of_the_vectors() -> None:
    rows = {"a": [0.6, 0.8], "b": [-1.0, 0.0], "c": [0.0, 1.0]}
    found = calibrate(lambda texts: np.array([rows[text] for text in texts]), list(rows))
    assert found == {
        "texts": 3,
        "minima": [-1.0, 0.0],
        "maxima": [0.6, 1.0],
        "mean_squares": [0.4533333, 0.5466667],
    }


@pytest.mark.parametrize("precision", ["int8", "uint8", "binary", "ubinary"])
def test_the_numbers_are_those_of_sentence_transformers(
    exported: Path, precision: Precision
) -> None:
    ranges = read_encoder(exported, "tiny", None).calibration
    assert ranges is not None
    rows = ServedEncoder(exported)(calibration_texts(300))
    # Some of them outside the ranges.
    rows = np.vstack([rows, 2 * rows, -rows]).astype(np.float32)
    expected = quantize_embeddings(rows, precision, np.vstack([ranges.minima, ranges.maxima]))
    found = quantize(rows, precision, ranges)
    assert isinstance(found, np.ndarray)
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected)

"""The reliability diagram as a file."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from training.pair.reliability import draw


def test_the_diagram_is_the_same_small_file_each_time(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(200, 4)).astype(np.float32)
    relations = rng.integers(0, 4, size=200)
    outputs = {"before calibration": logits, "after calibration": logits / 2}
    files = [tmp_path / name for name in ("first.svg", "second.svg")]
    for file in files:
        draw(outputs, relations, file)
    first, second = (file.read_bytes() for file in files)
    assert first == second
    assert len(first) < 60_000
    words = " ".join(text for text in ElementTree.fromstring(first).itertext() if text.strip())
    for name in outputs:
        assert name in words
    assert "share of right answers" in words

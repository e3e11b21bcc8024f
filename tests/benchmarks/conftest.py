"""What the tests of the benchmark share: a drawing of texts of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from material import MATERIAL

from benchmarks.workloads import Drawing, Lengths


@pytest.fixture
def lengths(encoder_folder: Path) -> Lengths:
    return Lengths(encoder_folder / "tokenizer.json")


@pytest.fixture
def drawing(lengths: Lengths) -> Drawing:
    return Drawing(MATERIAL, lengths, seed=1)

"""Curves and soaks."""

from __future__ import annotations

import pytest

from benchmarks.growth import CURVES, draw_point
from benchmarks.soak import grown
from benchmarks.workloads import Drawing, Lengths


def test_a_point_has_texts_of_one_length_in_lists_of_one_size(
    drawing: Drawing, lengths: Lengths
) -> None:
    curve = next(curve for curve in CURVES if curve.name == "texts of a call")
    calls = draw_point(drawing, curve, 4)
    assert {call.items for call in calls} == {4}
    counts = lengths.count([text for call in calls for text in call.texts])
    assert 56 <= min(counts) <= max(counts) <= 64


def test_memory_growth_leaves_warming_out() -> None:
    warming_then_flat = [100.0, 300.0, *[400.0] * 18]
    assert grown(warming_then_flat) == 0
    leaking = [100.0 + 10 * step for step in range(20)]
    assert grown(leaking) == pytest.approx(275 / 155 - 1)
    assert grown([1.0] * 3) is None

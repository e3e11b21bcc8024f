"""The polarity direction, on vectors whose polarity is known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from training import corpus
from training.evaluation.encoding import Vectors, unit
from training.probing.direction import direction, principal

DIMENSIONS = 16
# How far each relation lies from the anchor along the axis.
POLARITY = {"anchor": 0.0, "same": 0.05, "hedged": 0.4, "negated": 1.0}


def write_groups(folder: Path, groups: int) -> None:
    """Groups whose texts name their relation and their topic."""
    rows = [
        {
            "anchor": f"anchor {topic}",
            **{
                name: [{"text": f"{name} {topic} {number}"} for number in range(3)]
                for name in ("same", "hedged", "negated")
            },
            "neutral": [],
        }
        for topic in range(groups)
    ]
    (folder / "sentence.dev.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def polar(texts: Sequence[str]) -> Vectors:
    """Vectors of a topic and, in the first dimension, a polarity that is turned in every other."""
    rows = []
    for text in texts:
        name, topic, *_ = text.split()
        noise = np.random.default_rng(sum(text.encode())).normal(scale=0.05, size=DIMENSIONS)
        vector = np.random.default_rng(int(topic)).normal(size=DIMENSIONS) + noise
        vector[0] = (-1) ** int(topic) * POLARITY[name] * 2
        rows.append(vector)
    return unit(np.array(rows)).astype(np.float32)


@pytest.fixture(autouse=True)
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_groups(tmp_path, 12)
    monkeypatch.setattr(corpus, "DATA", tmp_path)


def test_it_separates_the_relations_of_groups_it_was_not_fitted_on() -> None:
    found = direction(polar)
    assert found["explained"] > 0.8
    assert found["auc"]["same/negated"] > 0.99
    assert found["auc"]["same/hedged"] > 0.9
    assert found["auc"]["hedged/negated"] > 0.9
    medians = [found["quartiles"][name][1] for name in ("same", "hedged", "negated")]
    assert medians == sorted(medians)


def test_without_a_polarity_it_separates_nothing() -> None:
    def topical(texts: Sequence[str]) -> Vectors:
        return polar([f"same {text.split()[1]} {sum(text.encode())}" for text in texts])

    found = direction(topical)
    assert all(0.3 < auc < 0.7 for auc in found["auc"].values())


def test_the_first_component_is_found_whichever_way_the_rows_point() -> None:
    rows = np.array([[3, 0.1], [-3, 0.1], [2, -0.1], [-2, 0]], dtype=np.float32)
    axis, share = principal(rows)
    assert np.abs(axis) == pytest.approx([1, 0], abs=0.02)
    assert share == pytest.approx(26 / 26.03, abs=1e-3)

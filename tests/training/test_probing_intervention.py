"""Interventions: which pairs are looked at, and which way is right."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from encoders import oracle

from training import corpus
from training.evaluation.encoding import Vectors
from training.probing.intervention import Shift, intervention, moved

GROUP = {
    "anchor": "The pump is open.",
    "same": [{"text": "The pump is not closed."}, {"text": "Open, as ever."}],
    "negated": [{"text": "The pump is not open."}, {"text": "The pump is shut."}],
    "hedged": [],
    "neutral": [],
}


@pytest.fixture(autouse=True)
def one_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sentence.dev.jsonl").write_text(json.dumps(GROUP) + "\n")
    monkeypatch.setattr(corpus, "DATA", tmp_path)


def test_an_encoder_that_understands_moves_every_text_the_right_way() -> None:
    openness = ("The pump is open.", "The pump is not closed.", "The pump is not shut.")
    found = intervention(oracle(dict.fromkeys(openness, "open")))
    assert found["deletion"]["same"] == {
        "pairs": 1,
        "right_way": 1,
        "mean_shift": pytest.approx(-1, abs=0.4),
    }
    assert found["deletion"]["negated"]["right_way"] == 1
    assert found["deletion"]["negated"]["mean_shift"] > 0.6
    assert found["insertion"]["negated"]["right_way"] == 1
    assert found["insertion"]["same"]["pairs"] == 0
    assert found["insertion"]["same"]["mean_shift"] is None
    # Both texts of each relation, with the anchor turned around.
    assert found["insertion_in_anchor"]["same"]["pairs"] == 2
    assert found["insertion_in_anchor"]["negated"]["pairs"] == 2


def test_an_encoder_that_counts_negations_is_right_on_one_side_only() -> None:
    def count(texts: Sequence[str]) -> Vectors:
        rows = [(0.0, 1.0) if " not " in text else (1.0, 0.0) for text in texts]
        return np.array(rows, dtype=np.float32)

    found = intervention(count)
    assert found["deletion"]["negated"]["right_way"] == 1
    assert found["deletion"]["same"]["right_way"] == 0
    assert found["insertion"]["negated"]["right_way"] == 0


def test_the_share_counts_moves_and_the_shift_has_its_sign() -> None:
    vectors = {"a": (1, 0), "near": (0.8, 0.6), "far": (0.6, 0.8)}

    def encode(texts: Sequence[str]) -> Vectors:
        return np.array([vectors[text] for text in texts], dtype=np.float32)

    away = Shift(("a", "near"), ("a", "far"))
    stays = Shift(("a", "near"), ("a", "near"))
    found = moved(encode, [away, stays], sign=-1)
    assert found == {"pairs": 2, "right_way": 0.5, "mean_shift": pytest.approx(-0.1)}
    assert moved(encode, [away, stays], sign=1)["right_way"] == 0

"""Flips of decisions: what counts as one, and encoders that see nothing or all of a change."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from dev_rows import write_dev_rows
from encoders import oracle

from training import corpus
from training.evaluation.encoding import Vectors
from training.probing import sensitivity
from training.probing.typos import with_typos


@pytest.fixture(autouse=True)
def small_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_dev_rows(tmp_path)
    monkeypatch.setattr(corpus, "DATA", tmp_path)


def right_on_all(change: sensitivity.Change) -> dict[str, str]:
    """What an encoder that decides everything right puts together, also of changed texts."""
    groups, contrasts = corpus.groups("dev"), corpus.contrasts("dev")
    together = {text: group.anchor for group in groups for text in (group.anchor, *group.same)}
    together |= {row.doc_a: row.query_a for row in contrasts}
    together |= {row.doc_b: row.query_b for row in contrasts}
    whole = {text: together.get(text, text) for text in (*together, *together.values())}
    return whole | {change(text): group for text, group in whole.items()}


def test_an_encoder_that_reads_through_the_change_flips_nothing() -> None:
    found = sensitivity.sensitivity(oracle(right_on_all(with_typos)))["typos"]
    groups = 6 * 1 * 2
    assert found["same_over_negated"] == {
        "decisions": groups,
        "flipped": 0,
        "before": 1,
        "after": 1,
    }
    assert found["own_passage"] == {"decisions": 2 * 6, "flipped": 0, "before": 1, "after": 1}


def test_an_encoder_that_knows_the_texts_by_heart_flips() -> None:
    by_heart = right_on_all(lambda text: text)
    found = sensitivity.sensitivity(oracle(by_heart))["typos"]
    for decisions in found.values():
        assert decisions["before"] == 1
        assert decisions["flipped"] == pytest.approx(1 - decisions["after"])
        assert decisions["flipped"] > 0


def test_decisions_are_counted_only_where_a_change_altered_a_text() -> None:
    # These rows have no phrase that could stand elsewhere, and no word that the table knows.
    found = sensitivity.sensitivity(oracle({}))
    nothing = {"decisions": 0, "flipped": None, "before": None, "after": None}
    assert found["word_order"]["same_over_negated"] == nothing
    assert found["paraphrase"]["own_passage"] == nothing


def test_a_decision_is_of_one_pair_with_one_anchor() -> None:
    group = corpus.Group("a", ("s", "t"), ("n", "o", "p"), (), ())
    other = corpus.Group("a", ("s", "T"), ("n", "o", "P"), (), ())
    differing = sensitivity.differing_orders([group], [other])
    assert differing.tolist() == [False, False, True, True, True, True]
    near = {
        "a": (1, 0),
        "s": (0.9, 0.1),
        "t": (0.5, 0.5),
        "n": (0.7, 0.3),
        "o": (0, 1),
        "p": (1, 0),
    }

    def encode(texts: Sequence[str]) -> Vectors:
        return np.array([near[text] for text in texts], dtype=np.float32)

    decisions = sensitivity.order_of_groups(encode, [group])
    assert decisions.tolist() == [True, True, False, False, True, False]


def test_flips_are_counted_both_ways() -> None:
    before = np.array([True, True, False, False, True])
    after = np.array([True, False, True, False, False])
    counted = np.array([True, True, True, True, False])
    assert sensitivity.flips(before, after, counted) == {
        "decisions": 4,
        "flipped": 0.5,
        "before": 0.5,
        "after": 0.5,
    }

"""Where hedges stand, for encoders that put them there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from training import corpus
from training.evaluation.encoding import Encode, Vectors
from training.probing.hedging import between, hedging

GROUP = corpus.Group("a", ("s", "t"), ("n",), ("h", "i"), ("u",))


def at(places: dict[str, float]) -> Encode:
    """An encoder that gives texts these cosines with the anchor."""

    def encode(texts: Sequence[str]) -> Vectors:
        cosines = np.array([places[text] for text in texts])
        return np.stack((cosines, np.sqrt(1 - cosines**2)), axis=1).astype(np.float32)

    return encode


def test_a_triple_is_right_only_with_the_hedge_between() -> None:
    right = {"a": 1.0, "s": 0.9, "t": 0.9, "h": 0.5, "i": 0.5, "n": 0.1}
    assert between(at(right), GROUP) == 1
    assert between(at({**right, "h": 0.95}), GROUP) == 0.5
    assert between(at({**right, "t": 0.4, "i": 0.0}), GROUP) == 0.25


def test_each_order_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "groups", lambda split: [GROUP])
    places = {"a": 1.0, "s": 0.9, "t": 0.3, "h": 0.5, "i": 0.2, "n": 0.1, "u": 0.4}
    assert hedging(at(places)) == {
        "same_over_hedged": 0.75,
        "hedged_over_negated": 1,
        "hedged_over_neutral": 0.5,
        "between": 0.75,
    }

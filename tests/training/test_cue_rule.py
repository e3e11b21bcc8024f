"""Counts of cues and shared words, on pairs of our own."""

from __future__ import annotations

import pytest

from training.pair.cue_rule import FEATURES, count_cues, cue_features


@pytest.mark.parametrize(
    ("text", "negations", "hedges"),
    [
        ("The pump leaks.", 0, 0),
        ("The pump does not leak.", 1, 0),
        ("It is not unlawful.", 2, 0),
        ("The pump may leak, and the door never closes.", 1, 1),
        ("", 0, 0),
    ],
)
def test_negations_and_hedges_are_counted(text: str, negations: int, hedges: int) -> None:
    assert count_cues(text) == (negations, hedges)


def test_the_features_of_a_pair_do_not_depend_on_its_order() -> None:
    pairs = [("The pump does not leak.", "The red pump may leak."), ("No.", "It is not unlawful.")]
    features = cue_features(pairs)
    assert features.shape == (2, len(FEATURES))
    assert features.tolist() == cue_features([(b, a) for a, b in pairs]).tolist()
    # One negation and one hedge; the, pump and leak are three of seven words.
    assert features[0] == pytest.approx([1, 1, 1, 1, 1, 3 / 7, 0])


def test_two_texts_without_words_share_none() -> None:
    assert cue_features([("...", "?")])[0].tolist() == [0.0] * len(FEATURES)

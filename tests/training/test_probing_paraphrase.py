"""Paraphrase by rule: what the table knows is replaced, whole words only."""

from __future__ import annotations

import pytest

from service.cues import find_cues
from training.probing.paraphrase import paraphrased, synonyms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is grey.", "It's gray."),
        ("Two children often paid twenty crowns.", "2 kids frequently paid 20 crowns."),
        ("That is not how it is.", "That's not how it is."),
        ("The doctors began until late.", "The physicians started till late."),
        ("Ten per cent", "10 percent"),
    ],
)
def test_words_are_replaced_with_the_case_they_had(text: str, expected: str) -> None:
    assert paraphrased(text) == expected


@pytest.mark.parametrize(
    "text", ["a twenty-two-year lease", "the doctor's bag", "tension", "The begonia is red.", ""]
)
def test_parts_of_words_stay(text: str) -> None:
    assert paraphrased(text) == text


def test_no_entry_negates_or_hedges() -> None:
    for word, other in synonyms()[1].items():
        assert not find_cues(word)
        assert not find_cues(other)

"""Other orders of the same words, and what is left in its place."""

from __future__ import annotations

import pytest

from training.probing.cues import keeps_cues
from training.probing.word_order import reordered


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("In the cellar, the lamp is lit.", "The lamp is lit, in the cellar."),
        ("If it rains, Oda stays here.", "Oda stays here, if it rains."),
        ("The lamp goes out whenever it rains.", "Whenever it rains, the lamp goes out."),
        ("Oda sang while the soup was boiling.", "While the soup was boiling, Oda sang."),
        (
            "It was late. After supper, no lamp was lit. We slept.",
            "It was late. No lamp was lit, after supper. We slept.",
        ),
    ],
)
def test_an_opening_phrase_goes_to_the_end_and_a_closing_clause_to_the_start(
    text: str, expected: str
) -> None:
    assert reordered(text) == expected
    assert keeps_cues(text, expected)


@pytest.mark.parametrize(
    "text",
    [
        "The lamp is lit.",
        # What follows cannot open a sentence.
        "In 1950 the lamp was lit, giving a red light.",
        "On the platform stood Oda, who had a lamp.",
        # The negation might reach the clause, or not.
        "She did not leave because it was late.",
        "Oda came only when it rained.",
        "When does the lamp go out, and why?",
        "in the cellar",
        "",
    ],
)
def test_a_sentence_that_has_no_other_order_for_sure_stays(text: str) -> None:
    assert reordered(text) == text

"""A negation taken out of a sentence by rule, or put in."""

from __future__ import annotations

import pytest

from training.probing.edits import with_negation, without_negation


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The pump is not open.", "The pump is open."),
        ("The pump isn't open.", "The pump is open."),
        ("The pump can\u2019t be opened.", "The pump can be opened."),
        ("We will open it, won't we.", "We will open it, will we."),
        ("The pump cannot be opened.", "The pump can be opened."),
        ("They do not open it.", "They open it."),
        ("Don't open it.", "Open it."),
        ("It does not leak.", "It does leak."),
        ("Never open the pump.", "Open the pump."),
        ("The pump no longer leaks.", "The pump still leaks."),
        ("It leaks, though not here.", "It leaks, though here."),
    ],
)
def test_the_one_cue_is_taken_out(text: str, expected: str) -> None:
    assert without_negation(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "The pump is open.",
        "Nobody opened the pump.",
        "The pump is not unlocked.",
        "It did not leak and never will.",
        # What is left would be no sentence, or another claim.
        "The pump has not leaked at all.",
        "It was not the pump but the valve.",
        "She did not leave until noon.",
    ],
)
def test_where_more_than_the_cue_would_have_to_change_nothing_is_taken_out(text: str) -> None:
    assert without_negation(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The pump is open.", "The pump is not open."),
        ("Oda can open it.", "Oda cannot open it."),
        ("Oda has opened it.", "Oda has not opened it."),
        ("My aunt has two pumps.", "It is not true that my aunt has two pumps."),
        ("All pumps are open.", "It is not true that all pumps are open."),
        ("The pump that was here leaks.", "It is not true that the pump that was here leaks."),
    ],
)
def test_not_follows_the_auxiliary_and_a_denial_goes_before_where_there_is_none(
    text: str, expected: str
) -> None:
    assert with_negation(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Is the pump open?",
        "the pump is open",
        "The pump is open. It leaks.",
        "The pump is closed but not locked.",
        "Oda opened it.",
        "",
    ],
)
def test_questions_fragments_and_what_negates_already_get_none(text: str) -> None:
    assert with_negation(text) is None


@pytest.mark.parametrize("text", ["The pump is open.", "Oda has opened it.", "Oda can see it."])
def test_what_was_put_in_can_be_taken_out(text: str) -> None:
    negated = with_negation(text)
    assert negated is not None
    assert without_negation(negated) == text

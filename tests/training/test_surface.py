"""Slips of typing and word order: what they change, and what they may not."""

from __future__ import annotations

import random
import re

import pytest

from service.cues import find_cues
from training import corpus
from training.surface import beside, known_words, mistype, moved, slipped, swapped
from training.words import words

SENTENCES = [
    "The caretaker never locks the northern entrance before midnight.",
    "Perhaps the orchestra will not rehearse without its conductor.",
    "None of the passengers noticed that the carriage had stopped.",
    "Apprentices may borrow every textbook except the dictionary.",
]


def cues(text: str) -> list[str]:
    return sorted(cue.text for cue in find_cues(text))


@pytest.mark.parametrize("text", SENTENCES)
def test_a_slip_changes_the_text_and_none_of_its_cues(text: str) -> None:
    found = [slipped(text, random.Random(seed)) for seed in range(40)]
    assert all(slip is not None and slip != text for slip in found)
    assert all(cues(slip or "") == cues(text) for slip in found)
    assert len(set(found)) > 20, "slips differ"


def test_no_cue_of_the_corpus_is_lost_or_won_by_a_slip() -> None:
    rng = random.Random(4)
    texts = [group.anchor for group in corpus.groups("train")[:400]]
    made = [(text, slipped(text, rng)) for text in texts]
    assert sum(slip is not None for _, slip in made) > 350
    for text, slip in made:
        assert slip is None or (slip != text and cues(slip) == cues(text))


def test_names_numbers_and_short_words_are_typed_right() -> None:
    text = "In 1984 Gwendolen and Bartholomew left Rotterdam on foot, 300 off."
    assert all(slipped(text, random.Random(seed)) is None for seed in range(30))


def test_a_slip_keeps_the_first_letter_and_is_one_stroke_away() -> None:
    rng = random.Random(2)
    for _ in range(300):
        slip = mistype("lantern", rng)
        assert slip[0] == "l"
        assert abs(len(slip) - len("lantern")) <= 1
        assert len(set("lantern") - set(slip)) <= 1


def test_no_slip_makes_another_word_of_the_corpus() -> None:
    rng = random.Random(3)
    for group in corpus.groups("train")[:300]:
        slip = slipped(group.anchor, rng)
        new = set(words(slip or "")) - set(words(group.anchor))
        assert not new & known_words()


@pytest.mark.parametrize(
    ("letter", "near"), [("q", "aw"), ("g", "bfhtvy"), ("p", "lo"), ("m", "jkn"), ("a", "qswz")]
)
def test_the_letters_beside_a_key(letter: str, near: str) -> None:
    assert "".join(sorted(beside(letter))) == near


def test_an_article_may_be_typed_after_its_noun() -> None:
    assert swapped("We saw the harbour.", random.Random(0)) == "We saw harbour the."
    assert swapped("We saw boats.", random.Random(0)) == "We saw boats."


def test_an_adverbial_moves_behind_the_clause() -> None:
    text = "After the storm, two boats drifted ashore."
    assert moved(text) == "Two boats drifted ashore after the storm."


@pytest.mark.parametrize(
    "text",
    [
        # Scope: "was not open for" may mean that it closed within the year.
        "During the year, the library was not open.",
        "Within a week, hardly a leaf was left.",
        # The adverbial belongs to both clauses, and would stand with the second alone.
        "In June, the café closed and the bakery opened.",
        "In short, the boats drifted ashore; we went home.",
        "In 1984 she left, 300 miles off.",
        "Two boats, after the storm, drifted ashore.",
    ],
)
def test_an_adverbial_stays_where_moving_it_could_turn_the_meaning(text: str) -> None:
    assert moved(text) == text


def test_the_words_stay_when_an_adverbial_moves() -> None:
    texts = [text for group in corpus.groups("train") for text in (group.anchor, *group.same)]
    changed = [(text, moved(text)) for text in texts if moved(text) != text]
    assert len(changed) > 50
    for text, other in changed:
        assert sorted(words(text)) == sorted(words(other))
        assert not re.search(r"\s,|,,", other)

"""Near-duplicates: what is found, what is not, and that the pairs of a crowd stay few."""

from __future__ import annotations

import random

import pytest
from corpora import thing

from training.near_duplicates import MEETINGS, Likeness, NearDuplicates, Pair

FERRY = "The last ferry to the island leaves at nine in the evening, and the kiosk shuts with it."


def pairs(texts: list[str], owners: list[int] | None = None) -> list[Pair]:
    return NearDuplicates(Likeness()).pairs(texts, owners or list(range(len(texts))))


@pytest.mark.parametrize(
    "other",
    [
        FERRY,
        FERRY.upper(),
        FERRY.replace(",", " -").replace(" ", "  "),
        FERRY.replace("nine", "ten"),
        FERRY.replace("leaves", "does not leave"),
    ],
)
def test_a_text_that_is_nearly_another_is_found_among_many(other: str) -> None:
    crowd = [f"{thing(number)} {thing(number + 500)}" for number in range(200)]
    (pair,) = pairs([*crowd[:100], FERRY, *crowd[100:], other])
    assert (pair.first, pair.second) == (100, 201)
    assert 0.7 <= pair.similarity <= 1.0


def test_the_similarity_is_that_of_the_character_ngrams() -> None:
    one, other = "an old lamp by the door", "an old lamp by the door of oak"
    (pair,) = pairs([one, other])

    def grams(text: str) -> set[str]:
        return {f" {text} "[start : start + 5] for start in range(len(text) - 2)}

    assert pair.similarity == pytest.approx(
        len(grams(one) & grams(other)) / len(grams(one) | grams(other))
    )


def test_another_text_on_the_topic_is_none() -> None:
    assert pairs([FERRY, "In the evening the island can be reached by a ferry until nine."]) == []


def test_texts_of_one_row_are_not_compared() -> None:
    assert pairs([FERRY, FERRY], [4, 4]) == []


@pytest.mark.parametrize("texts", [[], [""], ["", "", "a"], ["\ud800", "..."]])
def test_texts_of_hardly_a_letter_do_no_harm(texts: list[str]) -> None:
    assert all(pair.similarity == 1.0 for pair in pairs(texts))


def test_of_many_copies_each_meets_its_neighbours() -> None:
    number = 20 * MEETINGS
    found = pairs([FERRY] * number)
    assert len(found) <= number * MEETINGS
    assert {(pair.first, pair.second) for pair in found} >= {
        (place, place + 1) for place in range(number - 1)
    }


def test_a_long_text_and_many_short_ones_are_hashed_alike() -> None:
    rng = random.Random(0)
    long = " ".join(thing(rng.randrange(10_000)) for _ in range(20_000))
    texts = [FERRY, long, f"{long} end", FERRY]
    assert [(pair.first, pair.second) for pair in pairs(texts)] == [(0, 3), (1, 2)]

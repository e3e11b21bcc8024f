"""The chain of like topics: nothing is left out, and neighbours are of one topic."""

from __future__ import annotations

from itertools import islice, pairwise
from random import Random

from training.topic_order import topic_passes

# Six texts on each of forty topics, alike in a word that no other text has.
TEXTS = [f"the topic{number % 40:02} text{number // 40}" for number in range(240)]


def passes(count: int, seed: int = 1) -> list[list[int]]:
    places = topic_passes(range(len(TEXTS)), TEXTS, Random(seed))
    return [list(islice(places, len(TEXTS))) for _ in range(count)]


def test_a_pass_holds_every_item_once_and_no_two_passes_are_alike() -> None:
    first, second = passes(2)
    assert sorted(first) == sorted(second) == list(range(len(TEXTS)))
    assert first != second
    assert passes(2) == [first, second]
    assert passes(1, seed=2) != [first]


def test_texts_of_a_topic_follow_one_another() -> None:
    (places,) = passes(1)
    topics = [place % 40 for place in places]
    changes = sum(one != other for one, other in pairwise(topics))
    # By chance it would change at 234 of the 239 places.
    assert changes < 100


def test_a_single_item_comes_again_and_again() -> None:
    assert list(islice(topic_passes(["one"], ["a text"], Random(0)), 3)) == ["one"] * 3

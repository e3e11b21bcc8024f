"""Words, their occlusion, and what it tells."""

from __future__ import annotations

import pytest

from service.cues import find_cues
from service.errors import InputTooLong, TooManyInputs
from service.explanation import Effect, Occlusion, explain, find_words, occlude, without
from service.span import Span


def words(text: str) -> list[str]:
    found = find_words(text, find_cues(text))
    assert all(text[word.start : word.end] == word.text for word in found)
    return [word.text for word in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The drug works.", ["The", "drug", "works"]),
        ("It is no longer on sale", ["It", "is", "no longer", "on", "sale"]),
        ("We don't know", ["We", "don't", "know"]),
        ("(not) 3.5% of it's...", ["not", "3.5", "of", "it's"]),
        ("no/never", ["no", "never"]),
        ("😀 works 👩‍👩‍👧", ["😀", "works", "👩‍👩‍👧"]),
        ("यह नहीं है", ["यह", "नहीं", "है"]),
        ("這不是", ["這不是"]),
        ("... !?", []),
        ("\u200b \x00", []),
        ("", []),
        ("[SEP] is [MASK]", ["SEP", "is", "MASK"]),
        ("no no no", ["no", "no", "no"]),
    ],
)
def test_words_are_what_white_space_divides_and_cues_are_one(
    text: str, expected: list[str]
) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "word", "rest"),
    [
        ("It does not work.", "not", "It does work."),
        ("No pool", "No", " pool"),
        ("a pool, no", "no", "a pool, "),
        ("(not) here", "not", "() here"),
        ("no", "no", ""),
    ],
)
def test_a_word_goes_with_one_of_its_spaces(text: str, word: str, rest: str) -> None:
    start = text.index(word)
    assert without(text, Span.of(text, start, start + len(word))) == rest


def span(number: int) -> Span:
    return Span("w", number, number + 1)


def test_occlusions_are_made_pair_by_pair() -> None:
    made = occlude([([span(0)], [span(1)]), ([], []), ([], [span(2)])], max_words=2, max_total=3)
    assert made == [
        Occlusion(0, "a", span(0)),
        Occlusion(0, "b", span(1)),
        Occlusion(2, "b", span(2)),
    ]
    assert made[1].apply(("x", "0w2")) == ("x", "02")
    assert made[0].apply(("w2", "x")) == ("2", "x")


def test_too_many_words_are_refused_with_their_pair() -> None:
    few, many = ([span(0)], [span(1)]), ([span(0)] * 2, [span(1)] * 2)
    with pytest.raises(InputTooLong, match=r"at most 3 words .* Given: 4") as failure:
        occlude([few, few, many], max_words=3, max_total=100)
    assert failure.value.index == 2
    with pytest.raises(TooManyInputs, match="has 6 words") as failure:
        occlude([few] * 4, max_words=3, max_total=5)
    assert failure.value.index == 2


def test_the_largest_effect_comes_first_and_of_two_alike_the_earlier_word() -> None:
    occlusions = [Occlusion(1, "a", span(place)) for place in (0, 1, 2, 3)]
    occlusions.append(Occlusion(0, "b", span(7)))
    explained = explain(occlusions, [0.5, 0.6], [0.5, 0.7, 0.2, 0.5 + 1e-9, 0.5])
    assert explained == [
        {"a": [], "b": [Effect("w", 7, 8, 0.0)]},
        {
            "a": [
                Effect("w", 2, 3, 0.4),
                Effect("w", 0, 1, 0.1),
                Effect("w", 1, 2, -0.1),
                Effect("w", 3, 4, 0.1),
            ],
            "b": [],
        },
    ]

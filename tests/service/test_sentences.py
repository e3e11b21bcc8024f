"""Passages to sentences, with their places."""

from __future__ import annotations

import random
import time

import pytest

from service.sentences import MAX_CHARACTERS, has_content, split_sentences

PIECES = [
    "a",
    "No. ",
    "not",
    " ",
    "\n",
    "\n\n",
    ".",
    "!",
    "不。",
    "😀",
    "👩‍👩‍👧",
    "\u200b",
    "\ufffd",
]
PIECES += ["e\u0301", '"', "(", ")", "Dr. ", "e.g. ", "[SEP] ", "[MASK]", "\r\n", "\x00", "नहीं।"]
PIECES += ["\ufffd", "1.5", "\u2028", "\u3000"]


def texts(passage: str) -> list[str]:
    return [sentence.text for sentence in split_sentences(passage)]


@pytest.mark.parametrize(
    ("passage", "sentences"),
    [
        ("It works.", ["It works."]),
        ("no stop at all", ["no stop at all"]),
        ("It works. It does not!", ["It works.", "It does not!"]),
        (
            "Dr. Smith left at 5 p.m. on Monday. He took 3.5 mg, e.g. of aspirin.",
            ["Dr. Smith left at 5 p.m. on Monday.", "He took 3.5 mg, e.g. of aspirin."],
        ),
        ("  First.\n\n Second without a stop\n", ["First.", "Second without a stop"]),
        ("😀 It works. 🎉 Not!", ["😀 It works.", "🎉 Not!"]),
        ("這是。這不是。", ["這是。", "這不是。"]),
        ("It is [SEP] not [MASK]. Yes.", ["It is [SEP] not [MASK].", "Yes."]),
        ("...", ["..."]),
        ("Yes. \u200b\u200b", ["Yes."]),
        ("Yes.\n\n\u200b\n\nNo.", ["Yes.", "No."]),
        ("", []),
        (" \n\n\t", []),
        ("\u200b\x00\ufffd", []),
    ],
)
def test_a_passage_is_split_into_its_sentences(passage: str, sentences: list[str]) -> None:
    assert texts(passage) == sentences


def test_the_places_are_code_points() -> None:
    passage = "😀 It works.  It does 👩‍👩‍👧 not."
    for sentence in split_sentences(passage):
        assert passage[sentence.start : sentence.end] == sentence.text


def test_what_is_longer_than_a_window_is_split_as_it_would_be_alone() -> None:
    sentences = [f"This is sentence number {number} of the passage." for number in range(400)]
    assert texts(" ".join(sentences)) == sentences


def test_a_sentence_without_end_is_cut_between_words() -> None:
    passage = "word " * 1000
    pieces = texts(passage)
    assert all(len(piece) <= MAX_CHARACTERS for piece in pieces)
    assert " ".join(pieces).split() == passage.split()
    assert [len(piece) for piece in texts("a" * 4100)] == [2000, 2000, 100]


@pytest.mark.parametrize("seed", range(40))
def test_nothing_that_can_be_read_is_lost_or_doubled(seed: int) -> None:
    chance = random.Random(seed)
    passage = "".join(chance.choices(PIECES, k=chance.choice([3, 30, 300, 3000])))
    position = 0
    for sentence in split_sentences(passage):
        assert passage[sentence.start : sentence.end] == sentence.text == sentence.text.strip()
        assert not has_content(passage[position : sentence.start])
        position = sentence.end
    assert not has_content(passage[position:])


@pytest.mark.parametrize("unit", ["\n", "a", " ", ".", "word ", '"', "A. "])
def test_hostile_text_is_split_in_reasonable_time(unit: str) -> None:
    started = time.perf_counter()
    list(split_sentences(unit * (200_000 // len(unit))))
    assert time.perf_counter() - started < 20

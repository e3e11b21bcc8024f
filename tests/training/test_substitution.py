"""Denials by an antonym: where a word may be turned, and the lexicon itself."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from training.substitution import ANTONYMS, PLACES, exchanges, read_antonyms, substituted


def every(text: str) -> set[str | None]:
    """All that a text may be turned into."""
    return {substituted(text, random.Random(seed)) for seed in range(40)}


@pytest.mark.parametrize(
    ("text", "denials"),
    [
        ("The gate is locked.", {"The gate is unlocked."}),
        ("The gate is still unlocked at night.", {"The gate is still locked at night."}),
        ("Her claim was valid.", {"Her claim was invalid."}),
        ("The gate is locked at noon.", {"The gate is unlocked at noon."}),
        ("The road is safe.", {"The road is unsafe.", "The road is dangerous."}),
        ("The new pump is louder than ours.", {"The new pump is quieter than ours."}),
        ("Our landlord raised the rent.", {"Our landlord lowered the rent."}),
        ("Everybody came.", {"Nobody came."}),
        ("The clerk refused to sign.", {"The clerk agreed to sign."}),
        ("He never pays on time.", {"He always pays on time."}),
    ],
)
def test_a_statement_is_denied_by_one_word(text: str, denials: set[str]) -> None:
    assert every(text) == denials


@pytest.mark.parametrize(
    "text",
    [
        # Two antonyms may both be false.
        "The soup is not cheap.",
        "The soup is neither fresh nor hot.",
        # Both statements may be true.
        "Some windows are open.",
        "There are safe bridges.",
        "If the valve is open, gas escapes.",
        "Perhaps the valve is open.",
        "The door that is open leads to the garden.",
        "One of the lamps is broken.",
        # Another sense, or a part of another phrase.
        "The safe stood in the corner.",
        "The soup is clear broth.",
        "The rents fell more steeply than ever.",
        # A word that wants a negation beside it.
        "Nobody works here any more.",
        # Nothing of the lexicon.
        "The heron waits.",
    ],
)
def test_a_text_whose_truth_does_not_hang_on_the_word_is_left_alone(text: str) -> None:
    assert every(text) == {None}


def test_an_exchange_tells_its_place_and_all_antonyms() -> None:
    (found,) = exchanges("The road is safe.")
    assert "The road is safe."[found.start : found.end] == "safe"
    assert found.antonyms == ("unsafe", "dangerous")


def test_the_lexicon_has_some_hundreds_of_pairs_and_none_twice() -> None:
    tables = read_antonyms(ANTONYMS)
    assert set(tables) == set(PLACES)
    pairs = Counter(
        frozenset((word, antonym))
        for table in tables.values()
        for word, antonyms in table.items()
        for antonym in antonyms
    )
    assert len(pairs) > 300
    assert all(len(pair) == 2 for pair in pairs), "no word is its own antonym"
    # Each is read from both of its words.
    assert set(pairs.values()) == {2}


def test_the_lexicon_has_small_letters_alone() -> None:
    words = {word for table in read_antonyms(ANTONYMS).values() for word in table}
    assert all(word == word.lower().strip() for word in words)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[predicates]\npairs = []", "the tables are not predicates, comparatives, words"),
        ("[predicates", r"broken\.toml: "),
        (
            '[predicates]\npairs = ["open"]\n[comparatives]\npairs = []\n[words]\npairs = []',
            r"broken\.toml: predicates: 'open' is not of the form",
        ),
    ],
)
def test_a_faulty_lexicon_is_refused_in_one_line(
    content: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "broken.toml"
    path.write_text(content)
    with pytest.raises(ValueError, match=message) as error:
        read_antonyms(path)
    assert "\n" not in str(error.value)

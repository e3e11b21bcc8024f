"""Queries made of words: which texts they are set before."""

from __future__ import annotations

import re
from itertools import islice
from random import Random

from training.keyword_queries import (
    ENOUGH,
    EXCLUSIONS,
    INCLUSIONS,
    TEXTS,
    KeywordQuery,
    WordIndex,
    keyword_queries,
    keyword_twins,
)

# Every harbour has a boat, every second one a crane as well; the numbers keep texts apart.
HARBOURS = [
    f"harbour number{place} has a boat" + " and a crane" * (place % 2) for place in range(12)
]
OTHERS = [f"kiln number{place} is for glazed tiles" for place in range(2 * ENOUGH)]


def readings(query: str) -> list[tuple[bool, str, str]]:
    """Whether it excludes, the word it asks for, and the other one; some wordings go both ways."""
    found = []
    for templates, excludes in ((EXCLUSIONS, True), (INCLUSIONS, False)):
        for template in templates:
            pattern = re.escape(template).replace(r"\{x\}", "(?P<x>\\w+)")
            pattern = pattern.replace(r"\{y\}", "(?P<y>\\w+)")
            if match := re.fullmatch(pattern, query):
                found.append((excludes, match["x"], match["y"]))
    return found


def has(text: str, word: str) -> bool:
    return re.search(rf"\b{word}\b", text, re.IGNORECASE) is not None


def fits(row: KeywordQuery, excludes: bool, asked: str, other: str) -> bool:
    """Whether all texts have the word that is asked for, and those of one side the other one."""
    texts = (*row.relevant, *row.violating)
    with_other = row.violating if excludes else row.relevant
    return all(has(text, asked) and has(text, other) == (text in with_other) for text in texts)


def drawn(count: int, seed: int = 0) -> list[KeywordQuery]:
    return list(islice(keyword_queries(Random(seed)), count))


def test_texts_differ_in_the_word_that_the_query_excludes_or_includes() -> None:
    for row in drawn(200):
        assert len({*row.relevant, *row.violating}) == 2 * TEXTS
        assert any(fits(row, *reading) for reading in readings(row.query)), row


def test_the_query_for_the_opposite_is_common_enough() -> None:
    excluding = sum(readings(row.query)[0][0] for row in drawn(300))
    assert 140 < excluding < 220


def test_a_negation_word_does_not_tell_which_texts_are_wanted() -> None:
    assert any(re.match(r"no |nothing but|not only", wording) for wording in INCLUSIONS)


def test_an_index_asks_for_words_that_stand_together_and_apart() -> None:
    index = WordIndex(HARBOURS + OTHERS)
    found = [index.query(place, Random(place)) for place in range(1, 12, 2)]
    queries = [query for query in found if query is not None]
    assert queries
    for query in queries:
        assert "crane" in query.query
        assert {"boat" in query.query, "harbour" in query.query} == {True, False}


def test_a_text_without_such_words_gives_no_query() -> None:
    index = WordIndex(HARBOURS + OTHERS)
    assert index.query(len(HARBOURS), Random(0)) is None


def test_twins_are_of_the_same_words_and_the_first_alone_excludes() -> None:
    for first, second in islice(keyword_twins(Random(3)), 100):
        excluding = {(x, y) for excludes, x, y in readings(first) if excludes}
        including = {frozenset((x, y)) for excludes, x, y in readings(second) if not excludes}
        assert {frozenset(words) for words in excluding} & including

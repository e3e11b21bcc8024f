"""What the sentences of a passage come to."""

from __future__ import annotations

import numpy as np
import pytest

from service.passage_parts import PassageParts
from service.passage_sentences import blend_cosines, combine_relevances, split_passage


def floats(*values: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array(values, dtype=np.float32)


@pytest.mark.parametrize(("number", "split"), [(1, 0), (2, 0), (3, 3), (64, 64), (65, 0)])
def test_a_passage_of_few_or_of_very_many_sentences_stands_whole(number: int, split: int) -> None:
    passage = " ".join(f"Sentence {place} ends here." for place in range(number))
    assert len(split_passage(passage)) == split


def test_the_best_sentence_counts_for_most_of_the_cosine() -> None:
    whole, own = floats(0.5, 0.2, 0.4), floats(0.1, 0.9, 0.3, 0.3, 0.3)
    found = blend_cosines(whole, own, [3, 0, 2])
    first = 0.1 * (np.log(np.exp(10 * own[:3]).sum()) - 0.5 * np.log(3))
    last = 0.3 + 0.1 * 0.5 * np.log(2)
    assert found == pytest.approx([(0.5 + first) / 2, 0.2, (0.4 + last) / 2], abs=1e-5)
    assert 0.8 < first < 0.9


def test_without_sentences_the_cosines_stay_as_they_are() -> None:
    assert blend_cosines(floats(0.5, 0.2), floats(), [0, 0]).tolist() == floats(0.5, 0.2).tolist()


def test_a_whole_passage_has_its_relevance_alone() -> None:
    found = combine_relevances(floats(1.5, -2.0), floats(9.0, -9.0), [1, 1])
    assert found == pytest.approx([1.5, -2.0])


def test_a_sentence_that_denies_the_query_lowers_its_passage() -> None:
    relevances = floats(-3.0, 1.0, -3.0, -3.0, 1.0, -3.0)
    agreeing, denying = combine_relevances(relevances, floats(0, 5, 0, 0, -5, 0), [3, 3])
    soft = 0.5 * (np.log(np.exp(2 * relevances[:3]).sum()) - 0.5 * np.log(3))
    # However sure, an agreement counts as 2 at most.
    expected = [soft + 0.5 * np.log((2 + np.exp(sure)) / 3) for sure in (2, -2)]
    assert [agreeing, denying] == pytest.approx(expected, abs=1e-5)


def test_a_sentence_of_two_passages_is_read_once() -> None:
    passages = ["One.", "A. B. C.", "A. B. D.", "C."]
    sentences = [[], ["A.", "B.", "C."], ["A.", "B.", "D."], []]
    parts = PassageParts.of(passages, sentences)
    assert parts.distinct.texts == ["One.", "A.", "B.", "C.", "D."]
    assert parts.owners == [0, 1, 1, 1, 2]
    assert parts.counts == [1, 3, 3, 1]
    assert parts.distinct.numbers == [0, 1, 2, 3, 1, 2, 4, 3]

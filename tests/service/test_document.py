"""The decisive sentence of a passage, and the verdict of all."""

from __future__ import annotations

import pytest

from service.document import Finding, PassageSplitter, find_decisive, give_verdict
from service.errors import EmptyInput, InputTooLong, TooManyInputs

LABELS = ("contradiction", "equivalence", "hedge", "neutral")


def scores(*rows: tuple[float, float, float, float]) -> list[dict[str, float]]:
    return [dict(zip(LABELS, row, strict=True)) for row in rows]


@pytest.mark.parametrize(
    ("rows", "finding"),
    [
        ([(0.6, 0.2, 0.1, 0.1), (0.0, 0.9, 0.1, 0.0)], Finding("contradiction", 0)),
        ([(0.6, 0.2, 0.1, 0.1), (0.7, 0.1, 0.1, 0.1)], Finding("contradiction", 1)),
        ([(0.4, 0.4, 0.1, 0.1), (0.0, 0.5, 0.5, 0.0)], Finding("equivalence", 1)),
        ([(0.4, 0.4, 0.1, 0.1), (0.0, 0.0, 0.5, 0.5)], Finding("hedge", 1)),
        ([(0.4, 0.4, 0.1, 0.1), (0.1, 0.1, 0.0, 0.8)], Finding("neutral", 1)),
        ([(0.4, 0.4, 0.1, 0.1)], Finding("neutral", 0)),
        ([(0.5, 0.5, 0.0, 0.0)] * 2, Finding("contradiction", 0)),
    ],
)
def test_a_contradiction_decides_then_an_equivalence_then_a_hedge(
    rows: list[tuple[float, float, float, float]], finding: Finding
) -> None:
    assert find_decisive(scores(*rows), 0.5) == finding


def test_a_score_over_the_threshold_that_is_not_a_sentences_best_decides_nothing() -> None:
    assert find_decisive(scores((0.3, 0.69, 0.0, 0.01)), 0.25) == Finding("equivalence", 0)
    unsure = scores((0.3, 0.31, 0.29, 0.1), (0.4, 0.3, 0.2, 0.1))
    assert find_decisive(unsure, 0.25) == Finding("contradiction", 1)


@pytest.mark.parametrize(
    ("relations", "verdict"),
    [
        (["contradiction", "neutral"], "contradicted"),
        (["equivalence", "hedge"], "supported"),
        (["equivalence", "contradiction"], "mixed"),
        (["hedge", "neutral"], "unclear"),
    ],
)
def test_the_verdict_is_that_of_all_passages(relations: list[str], verdict: str) -> None:
    assert give_verdict(relations) == verdict


def test_limits_name_the_passage_wherever_the_splitting_stands() -> None:
    def splitter() -> PassageSplitter:
        splitter = PassageSplitter(max_sentences=2, max_total=4)
        assert [len(own) for own in splitter.split(["One. Two.", "One."])] == [2, 1]
        return splitter

    with pytest.raises(InputTooLong, match="at most 2 sentences") as failure:
        splitter().split(["One.", "One. Two. Three."])
    assert failure.value.index == 3
    with pytest.raises(TooManyInputs, match="has 5 sentences") as failure:
        splitter().split(["One. Two."])
    assert failure.value.index == 2
    with pytest.raises(EmptyInput) as failure:
        splitter().split(["\u200b"])
    assert failure.value.index == 2

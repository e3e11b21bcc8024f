"""The rows made from groups: counterfactual ones, slips of typing, antonyms."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import corpora
import pytest

from training import corpus, rows
from training.row import Row, made
from training.words import overlap

GroupOf = Callable[[Row], corpus.Group]


def texts(row: Row, name: str) -> list[str]:
    return [str(text) for column, text in row.items() if column.partition("_")[0] == name]


@pytest.fixture(scope="module")
def group_of() -> GroupOf:
    """The group whose class holds a row's anchor."""
    groups = corpus.groups("train")
    classes = {text: group for group in groups for text in (group.anchor, *group.same)}
    return lambda row: classes[str(row["anchor"])]


def test_a_counterfactual_row_keeps_what_overlap_misjudges(group_of: GroupOf) -> None:
    for row in rows.draw("counterfactuals", 60, seed=2):
        group, anchor = group_of(row), str(row["anchor"])
        others = {group.anchor, *group.same} - {anchor}
        positives, denials = texts(row, "positive"), texts(row, "negated")
        assert len(positives) == 2
        assert len(set(denials)) == 3
        assert set(positives) <= others
        assert set(denials) <= set(group.negated)
        left = [overlap(anchor, text) for text in others - set(positives)]
        assert max(overlap(anchor, text) for text in positives) <= min(left)
        left = [overlap(anchor, text) for text in set(group.negated) - set(denials)]
        assert min(overlap(anchor, text) for text in denials) >= max(left, default=0.0)


def test_counterfactual_rows_make_overlap_a_worse_guide_than_group_rows_do() -> None:
    def gap(kind: str) -> float:
        drawn = rows.draw(kind, 200, seed=2)
        near, far = (
            [overlap(str(row["anchor"]), text) for row in drawn for text in texts(row, name)]
            for name in ("positive", "negated")
        )
        return sum(far) / len(far) - sum(near) / len(near)

    assert gap("counterfactuals") > gap("groups") + 0.1


def test_a_surface_row_sets_a_mistyped_anchor_against_a_mistyped_denial(group_of: GroupOf) -> None:
    for row in rows.draw("surface", 60, seed=2):
        group = group_of(row)
        known = {group.anchor, *group.same, *group.negated}
        assert row["positive"] not in known
        assert row["negative"] not in known
        assert overlap(str(row["positive"]), str(row["anchor"])) > 0.3


def test_a_substitution_row_differs_in_one_place_from_its_anchor(group_of: GroupOf) -> None:
    for row in rows.draw("substitutions", 60, seed=2):
        group, anchor, negative = group_of(row), str(row["anchor"]), str(row["negative"])
        assert row["positive"] in (group.anchor, *group.same)
        assert row["positive"] != anchor
        first, second = anchor.split(), negative.split()
        differ = [pair for pair in zip(first, second, strict=True) if pair[0] != pair[1]]
        assert len(differ) == 1


def test_a_group_gives_at_most_one_row_in_a_pass() -> None:
    anchors = [row["anchor"] for row in rows.draw("substitutions", 300, seed=2)]
    assert len(set(anchors)) == 300


@pytest.fixture
def wet_and_dry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A corpus of four groups of our own."""
    folder = corpora.write(tmp_path, sentence_train=[corpora.sentence(n) for n in range(4)])
    monkeypatch.setattr(corpus, "DATA", folder)


@pytest.mark.usefixtures("wet_and_dry")
def test_a_corpus_of_ones_own_gives_these_rows_too() -> None:
    turned = {"wet": "dry", "dry": "wet"}
    for row in rows.draw("substitutions", 9, seed=1):
        (word,) = turned.keys() & set(str(row["anchor"]).rstrip(".").split())
        assert row["negative"] == str(row["anchor"]).replace(word, turned[word])
    assert len(rows.draw("counterfactuals", 9, seed=1)) == 9


def test_what_gives_no_row_in_a_whole_pass_ends() -> None:
    assert list(made([1, 2, 3], lambda number: None, random.Random(0))) == []
    assert list(made([], lambda number: {"a": "b"}, random.Random(0))) == []


def test_what_gives_rows_goes_on_for_ever_in_another_order_each_time() -> None:
    source = made(range(9), lambda n: {"n": float(n)} if n % 3 == 0 else None, random.Random(0))
    numbers = [next(source)["n"] for _ in range(300)]
    passes = {tuple(numbers[start : start + 3]) for start in range(0, 300, 3)}
    assert len(passes) == 6

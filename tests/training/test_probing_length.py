"""Passages cut around their difference, and accuracy by length and place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from encoders import oracle

from training import corpus
from training.evaluation.comparison import BASE
from training.probing.length import length
from training.probing.windows import Cutter, Difference

FIRST = "The lamp in the cellar is old and red."
LAST = "Nobody remembers who hung it there, and nobody asks."
OPEN, CLOSED = "The valve beside it is open today.", "The valve beside it is closed today."


@pytest.fixture(scope="module")
def cutter() -> Cutter:
    return Cutter(BASE)


def contrast(*around: str) -> corpus.Contrast:
    before, after = around
    return corpus.Contrast(
        "open valve", "closed valve", f"{before}{OPEN}{after}", f"{before}{CLOSED}{after}"
    )


def test_the_difference_lies_between_what_both_have_in_common(cutter: Cutter) -> None:
    where = cutter.difference(contrast("", ""))
    assert where == Difference(before=5, after=2, lengths=(1, 1))
    assert where.position == pytest.approx(5.5 / 8)


def test_a_passage_that_the_other_contains_differs_where_more_stands(cutter: Cutter) -> None:
    row = corpus.Contrast("q", "r", "It is very very red.", "It is very red.")
    where = cutter.difference(row)
    assert where.lengths == (1, 0)
    assert where.before + where.after == 5


@pytest.mark.parametrize("budget", [4, 8, 12, 20])
def test_no_passage_is_longer_than_the_budget_and_both_keep_the_difference(
    budget: int, cutter: Cutter
) -> None:
    row = contrast(FIRST + " ", " " + LAST)
    cut = cutter.cut(row, budget)
    assert (cut.query_a, cut.query_b) == (row.query_a, row.query_b)
    for whole, passage, word in ((row.doc_a, cut.doc_a, "open"), (row.doc_b, cut.doc_b, "closed")):
        assert passage in whole
        assert word in passage.split()
        assert budget - 3 <= len(cutter.tokens(passage).offsets) <= budget


def test_what_one_side_lacks_goes_to_the_other(cutter: Cutter) -> None:
    cut = cutter.cut(contrast("", " " + LAST), 14)
    assert cut.doc_a == "The valve beside it is open today. Nobody remembers who hung it there"


def test_a_passage_within_the_budget_stays_whole(cutter: Cutter) -> None:
    row = contrast(FIRST + " ", " " + LAST)
    assert cutter.cut(row, 64) == row


def test_no_word_is_cut(cutter: Cutter) -> None:
    row = corpus.Contrast(
        "q", "r", "unfathomableness is open here", "unfathomableness is closed here"
    )
    assert cutter.cut(row, 4).doc_a == "is open here"


def test_accuracy_is_told_by_length_and_by_the_third_of_the_reversal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filler = f" {LAST}" * 4
    rows = [contrast("", filler), contrast(filler.strip() + " ", "")]
    lines = [json.dumps(vars(row)) for row in rows]
    (tmp_path / "retrieval.dev.jsonl").write_text("\n".join(lines) + "\n")
    monkeypatch.setattr(corpus, "DATA", tmp_path)
    early = {rows[0].doc_a: rows[0].query_a, rows[0].doc_b: rows[0].query_b}
    blind = dict.fromkeys((rows[1].doc_a, rows[1].doc_b), "one place")
    found = length(oracle(early | blind))
    assert found["position"] == {
        "first third": {"contrasts": 1, "pairwise_accuracy": 1},
        "middle third": {"contrasts": 0, "pairwise_accuracy": None},
        "last third": {"contrasts": 1, "pairwise_accuracy": 0},
    }
    assert found["tokens"]["32"]["cut"] == 1
    assert found["tokens"]["256"] == {"contrasts": 2, "pairwise_accuracy": 0.5, "cut": 0}

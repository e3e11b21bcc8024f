"""The attempts to break a service: their arithmetic, and two of them in small."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.faults import END, START, Finding, Question, Tally, _judge, as_table, main, put_into

FINDING = Finding("a thing", False, {"right": 3, "anything else": 1})


def test_a_finding_is_a_row_and_what_did_not_hold_stands_out() -> None:
    row = as_table([FINDING]).splitlines()[-1]
    assert row == "| a thing | **no** | right: 3; anything else: 1 |"


def test_a_table_replaces_the_one_before_it() -> None:
    document = f"before\n{START}old\n{END}after\n"
    assert put_into(document, "new\n") == f"before\n{START}new\n{END}after\n"
    with pytest.raises(ValueError, match="there is no"):
        put_into("nothing here", "new\n")


@pytest.mark.parametrize(
    ("status", "vectors", "end"),
    [(200, [1, 2], "right"), (200, [1, 2.1], "wrong"), (200, [1], "wrong"), (429, [], "429")],
)
def test_an_answer_is_right_or_it_is_told_how_not(
    status: int, vectors: list[float], end: str
) -> None:
    question = Question(b"", np.array([1, 2], dtype="<f4"))
    assert _judge(question, status, np.array(vectors, dtype="<f4").tobytes()) == end


def test_a_refusal_is_not_wrong_and_an_error_is() -> None:
    tally = Tally()
    tally.ends.update({"right": 5, "429": 3, "500": 1, "EOFError": 1})
    assert tally.wrong == 2


def test_connections_and_restarts_are_survived_in_small(
    encoder_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document, figures = tmp_path / "page.md", tmp_path / "figures.json"
    document.write_text(START + END)
    small = ["--connections", "40", "--kills", "1", "--model", str(encoder_folder)]
    outputs = ["--document", str(document), "--json", str(figures)]
    assert main(["connections", "restarts", *small, *outputs]) == 0
    assert [each["held"] for each in json.loads(figures.read_text())] == [True, True]
    assert capsys.readouterr().out in document.read_text()

"""Files of rows for a judge: a bad row is named and skipped, a bad file refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from judgements import row, write_rows

from training.judge.rows import read_rows


def without(kind: str, *names: str, **changes: object) -> str:
    """A row that lacks something, or has something else."""
    content: dict[str, Any] = {**row(kind, 7), **changes}
    return json.dumps({name: value for name, value in content.items() if name not in names})


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"anchor": "x"', "is no JSON: "),
        ("[]", "is no object"),
        ('{"text": "x"}', "is no row of the corpus: it has none of anchor, query_a, violating"),
        (without("sentence", "id"), "id: Field required"),
        (without("sentence", "hedged"), "hedged: Field required"),
        (without("sentence", anchor="  "), "anchor: String should have at least 1 character"),
        (without("sentence", same=[{"pattern": "voice"}]), "same.0.text: Field required"),
        (without("sentence", neutral=[3]), "neutral.0: Input should be a valid string"),
        (without("sentence", anchor="half \ud83d"), "anchor: Input should be a valid string"),
        (without("sentence", same=[], negated=[], hedged=[], neutral=[]), "holds no text to judge"),
        (without("sentence", id="sent-1"), "its id sent-1 is that of "),
        (without("exclusion"), "is a row of kind exclusion, and the file's first is of kind sent"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(line: str, reason: str, tmp_path: Path) -> None:
    path = write_rows(tmp_path, "sentence", 2, line)
    rows = read_rows([path])
    (skipped,) = rows.skipped
    assert skipped.where == f"{path}:3"
    assert skipped.reason.startswith(reason)
    assert skipped.what == line
    assert [question.row for question in rows.questions] == ["sent-0", "sent-1"]


def test_bytes_that_are_no_text_are_a_bad_row(tmp_path: Path) -> None:
    path = write_rows(tmp_path, "exclusion", 1)
    path.write_bytes(b'{"query": "caf\xe9"}\n\n' + path.read_bytes())
    rows = read_rows([path])
    assert [(item.where, item.reason) for item in rows.skipped] == [(f"{path}:1", "is not UTF-8")]
    assert [question.where for question in rows.questions] == [f"{path}:3"]


def test_a_file_without_a_good_row_is_refused_with_its_first_fault(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("oops\n{}\n")
    with pytest.raises(ValueError, match=r"rows\.jsonl has no row .*rows\.jsonl:1: is no JSON"):
        read_rows([path])
    path.write_text("")
    with pytest.raises(ValueError, match=r"rows\.jsonl has no row that can be judged$"):
        read_rows([path])
    with pytest.raises(OSError, match="absent"):
        read_rows([tmp_path / "absent.jsonl"])

"""Filtering rows: what goes and why, and that nothing is overwritten."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from chat_server import negatives
from corpora import item, sentence, twins

from training import filter as row_filter
from training.corpus import DATA, read_jsonl
from training.near_duplicates import Likeness

ROOT = Path(__file__).parents[2]


def filtered(folder: Path, lines: list[str], *against: Path, force: bool = False) -> dict[str, int]:
    source = folder / "in.jsonl"
    source.write_text("\n".join(lines) + "\n")
    return row_filter.main(source, folder / "out.jsonl", Likeness(), against, force=force)


def dropped(folder: Path) -> list[dict[str, Any]]:
    return list(read_jsonl(folder / "out.dropped.jsonl"))


def test_each_row_that_goes_has_its_reason(tmp_path: Path) -> None:
    again = sentence(2)
    again["anchor"] = sentence(1)["anchor"].replace("The", "the")
    of_dev = sentence(3)
    of_dev["neutral"] = [next(read_jsonl(DATA / "sentence.dev.jsonl"))["anchor"]]
    named = tmp_path / "test_set.txt"
    named.write_text(sentence(4)["same"][0]["text"] + "\n")
    rows = [
        sentence(1),
        again,
        of_dev,
        sentence(4),
        {**sentence(5), "negated": [item("It is dry.", "verbal")]},
        {**sentence(6), "kind": "poem"},
        {**negatives("an inn by the sea"), "kind": "negatives", "positive": "The inn has a pier."},
        {**sentence(7), "source": {"model": "writer", "call": "c", "asked": {}}},
    ]
    lines = [*(json.dumps(row) for row in rows), "{", "[]", ""]
    counts = filtered(tmp_path, lines, named)
    assert counts == {"kept": 3, "against": 2, "duplicate": 1, "schema": 4}
    assert (tmp_path / "out.jsonl").read_text().splitlines() == [lines[0], lines[6], lines[7]]
    found = {entry["line"]: (entry["rule"], entry["reason"]) for entry in dropped(tmp_path)}
    assert found[2][1] == "anchor nearly repeats anchor of line 1 (100% alike)"
    assert found[3][1].startswith("neutral.1 nearly repeats a text of sentence.dev.jsonl (100%")
    assert found[4][1].startswith("same.1 nearly repeats a text of test_set.txt (100% alike)")
    assert found[5] == (
        "schema",
        "negated: List should have at least 4 items after validation, not 1",
    )
    assert found[6][1].startswith("kind is 'poem', none of sentence, retrieval")
    assert found[9][1].startswith("no JSON")
    assert found[10] == ("schema", "no object")
    assert dropped(tmp_path)[0]["row"] == rows[1]


def test_a_text_that_two_rows_share_beside_their_anchors_is_no_repeat(tmp_path: Path) -> None:
    rows = [sentence(1), {**sentence(2), "neutral": sentence(1)["neutral"]}]
    assert filtered(tmp_path, [json.dumps(row) for row in rows]) == {"kept": 2}


def test_twins_go_where_one_of_their_queries_was_asked_before(tmp_path: Path) -> None:
    again = {**twins(2), "query_b": twins(1)["query_b"]}
    rows = [twins(1), again, {**twins(3), "pattern": "scope"}, {**twins(4), "pattern": "reversal"}]
    counts = filtered(tmp_path, [json.dumps(row) for row in rows])
    assert counts == {"kept": 2, "duplicate": 1, "schema": 1}
    repeat, fault = (entry["reason"] for entry in dropped(tmp_path))
    assert repeat == "query_b nearly repeats query_b of line 1 (100% alike)"
    assert fault == "pattern: Input should be 'exclusion' or 'reversal'"


def test_nothing_is_overwritten_unless_it_is_forced(tmp_path: Path) -> None:
    line = json.dumps(sentence(1))
    kept = tmp_path / "out.dropped.jsonl"
    kept.write_text("mine\n")
    with pytest.raises(ValueError, match=r"out\.dropped\.jsonl exists: .*--force"):
        filtered(tmp_path, [line])
    assert kept.read_text() == "mine\n"
    assert not (tmp_path / "out.jsonl").exists()
    filtered(tmp_path, [line], force=True)
    assert kept.read_text() == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "in.jsonl",
        "out.dropped.jsonl",
        "out.jsonl",
    ]


def test_the_input_is_not_overwritten_even_by_force(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(sentence(1)) + "\n")
    with pytest.raises(ValueError, match="is the input itself"):
        row_filter.main(path, path, Likeness(), force=True)
    assert path.read_text()


def test_the_command_filters_and_tells_a_missing_file_in_one_line(tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "training.filter", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    source, target = tmp_path / "in.jsonl", tmp_path / "new/out.jsonl"
    failed = run(str(source), str(target))
    assert failed.returncode == 1
    assert failed.stderr.startswith("training.filter: ")
    assert failed.stderr.count("\n") == 1
    source.write_text(json.dumps(sentence(1)) + "\n")
    assert run(str(source), str(target)).stdout == "kept 1\n"
    assert target.read_text() == source.read_text()

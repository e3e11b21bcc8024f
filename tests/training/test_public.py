"""The public sets: read where they are, and done without where they are not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from training import public
from training.public import HUB, HubSource, Row


def test_a_set_is_read_as_it_lies_in_the_folder() -> None:
    rows = public.load("cannot/dev")
    assert len(rows) == 12
    assert rows[0] == {"a": "The pump is open.", "b": "The pump is not closed.", "label": "same"}


def test_several_sets_are_read_one_after_the_other() -> None:
    both = public.load_all(("stsb/train", "cannot/dev"))
    assert both == [*public.load("stsb/train"), *public.load("cannot/dev")]


@pytest.mark.usefixtures("no_public_data")
@pytest.mark.parametrize("name", ["cannot/train", "medquad/corpus"])
def test_a_set_that_cannot_be_had_is_left_out_with_a_warning(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert public.load(name) == []
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage().startswith(name)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of rows that the hub's own client reads: the hub itself is not for tests."""
    import datasets  # noqa: PLC0415 - as slow to import here as in the package

    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("LITOTES_DATA", str(tmp_path / "nothing"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "hub"
    folder.mkdir()
    rows = [
        {"premise": "The door is open.", "hypothesis": "No door is closed.", "label": 0},
        {"premise": "The door is open.", "hypothesis": "The lamp is red.", "label": -1},
        {"premise": "The door is open.", "hypothesis": "The door is closed.", "label": 2},
    ]
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = HubSource(str(folder), None, "train", HUB["snli_dev/train"].convert)
    monkeypatch.setitem(HUB, "snli_dev/train", source)
    return folder


def test_a_set_that_is_not_in_the_folder_comes_from_the_hub_in_our_form(hub: Path) -> None:
    assert public.load("snli_dev/train") == [
        {"a": "The door is open.", "b": "No door is closed.", "label": "entailment"},
        {"a": "The door is open.", "b": "The door is closed.", "label": "contradiction"},
    ]


def test_a_hub_that_does_not_give_the_set_ends_no_run(
    hub: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (hub / "train.jsonl").unlink()
    hub.rmdir()
    assert public.load("snli_dev/train") == []
    reason, consequence = (record.getMessage() for record in caplog.records)
    assert reason.startswith(str(hub))
    assert consequence.startswith("snli_dev/train")


@pytest.mark.parametrize(
    ("name", "row", "expected"),
    [
        (
            "mnli_sample/dev",
            {"premise": "It leaks.", "hypothesis": "It is red.", "label": 1},
            {"a": "It leaks.", "b": "It is red.", "label": "neutral"},
        ),
        (
            "stsb/dev",
            {"sentence1": "It leaks.", "sentence2": "It drips.", "score": 0.8},
            {"a": "It leaks.", "b": "It drips.", "score": 0.8},
        ),
    ],
)
def test_a_hub_row_becomes_one_of_ours(name: str, row: Row, expected: Row) -> None:
    assert HUB[name].convert(row) == expected


def test_cannot_is_not_taken_from_the_hub_where_it_holds_test_rows() -> None:
    assert not any(name.startswith("cannot") or "cannot" in HUB[name].name for name in HUB)

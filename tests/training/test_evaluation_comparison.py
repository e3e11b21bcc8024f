"""Any encoder on the dev tasks, beside the base: a folder, or a service over either contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commands import last_line
from dev_rows import GROUP, several
from tiny_models import GENERAL, POLARITY

from training import evaluate
from training.evaluation import comparison
from training.evaluation.target import read_target

DISTILLED = (
    *("contrast", "contrast_wide", "exclusion", "exclusion_ndcg10", "exclusion_search"),
    *("same_over_negated", "same_over_hedged", "hedged_over_negated"),
)
SCRIPT = Path(evaluate.__file__)


# The public rows of the tests hold no word that these models tell from another.
pytestmark = pytest.mark.usefixtures("no_public_data", "small_evaluation")


def figures(address: str, against: str | None = None) -> dict[str, Any]:
    other = None if against is None else read_target(against)
    folder = comparison.main(read_target(address), other)
    found: dict[str, Any] = json.loads((folder / "evaluation.json").read_text())
    return found


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """Run the stage as its command line does; the line with which it ends."""
    return last_line(monkeypatch, SCRIPT, *arguments)


@pytest.mark.parametrize(
    ("contract", "path"), [("openai", "/v1#tiny-two-part"), ("tei", "")], ids=["openai", "tei"]
)
def test_an_endpoint_has_the_figures_of_the_folder_that_it_serves(
    contract: str, path: str, two_part_service: str, two_part_folder: Path
) -> None:
    found = figures(f"{contract}:{two_part_service}{path}", against=str(two_part_folder))
    assert found["model"]["figures"] == pytest.approx(found["against"]["figures"])
    assert found["model"]["run_by"] == contract
    assert found["against"]["run_by"] == found["base"]["run_by"] == "service"
    assert found["model"]["dimensions"] == GENERAL + POLARITY
    assert found["model"]["texts"] == found["base"]["texts"] == found["against"]["texts"]
    assert found["model"]["figures"] != found["base"]["figures"]
    assert tuple(found["model"]["figures"]) == DISTILLED


def test_a_table_a_plot_and_the_figures_are_left_beside_the_runs_and_not_in_the_model(
    two_part_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(two_part_folder.rglob("*"))
    folder = comparison.main(read_target(str(two_part_folder)))
    assert folder.parent == Path("runs/evaluation")
    assert sorted(two_part_folder.rglob("*")) == before
    assert (tmp_path / folder / "evaluation.svg").read_text().startswith("<?xml")
    found = json.loads((folder / "evaluation.json").read_text())
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split()[3:] == [found["base"]["name"], found["model"]["name"]]
    table = {task: values for task, *values in map(str.split, rows)}
    for task in DISTILLED:
        expected = [f"{100 * found[role]['figures'][task]:.1f}" for role in ("base", "model")]
        assert table[task] == expected


def test_a_folder_without_a_graph_is_run_by_sentence_transformers(tiny_base: Path) -> None:
    found = figures(str(tiny_base))
    assert found["model"]["run_by"] == "sentence-transformers"
    assert tuple(found["model"]["figures"]) == DISTILLED


def test_the_base_itself_is_measured_once(
    encoder_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = figures(str(encoder_folder))
    assert found["model"] == found["base"]
    assert len(capsys.readouterr().out.splitlines()[0].split()) == 4


def test_figures_say_which_rows_they_are_of(encoder_folder: Path, tmp_path: Path) -> None:
    before = figures(str(encoder_folder))["rows"]
    (tmp_path / "sentence.dev.jsonl").write_text(several({**GROUP, "neutral": []}))
    after = figures(str(encoder_folder))["rows"]
    assert before.keys() == after.keys()
    assert [name for name in before if before[name] != after[name]] == ["sentence.dev.jsonl"]


def test_a_wrong_address_is_told_before_anything_is_measured(
    two_part_folder: Path, two_part_service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(comparison, "measured", lambda *_: pytest.fail("measured"))
    other = f"openai:{two_part_service}/v2"
    line = command(monkeypatch, "--model", str(two_part_folder), "--against", other)
    assert line.startswith(f"training.evaluate: {two_part_service}/v2/embeddings: no such path")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name either an experiment file or --model"),
        (["some.toml", "--model", "a"], "name either an experiment file or --model"),
        (["--against", "a"], "and --against with --model"),
        (["--model", "http://h"], "http://h does not say what it speaks"),
        (["--model", "./nowhere"], "there is no folder './nowhere'"),
        (["--model", "."], ".: the service cannot serve it (. has no config.json"),
    ],
    ids=["nothing", "both", "only the other", "no contract", "no folder", "no model in it"],
)
def test_a_wrong_command_ends_with_one_line(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert message in command(monkeypatch, *arguments)

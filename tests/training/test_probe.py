"""The stage of the probes: an endpoint beside a folder, table, figures and plot."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from commands import last_line

from training import probe
from training.config import ExperimentConfig
from training.evaluation.target import read_target
from training.probing.table import rows

pytestmark = pytest.mark.usefixtures("small_evaluation")


def test_an_endpoint_is_probed_beside_the_folder_that_it_serves(
    two_part_service: str, two_part_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"tei:{two_part_service}"
    probe.stage(None, model=address, against=str(two_part_folder))
    folder = Path("runs/probes") / read_target(address).name
    found = json.loads((folder / "probes.json").read_text())
    model, against, base = (found[role] for role in ("model", "against", "base"))
    assert list(model["figures"]) == list(probe.PROBES)
    assert model["run_by"] == "tei"
    # JSON on the wire and the service's own floats differ in their last digits.
    for one, other in zip(numbers(model["figures"]), numbers(against["figures"]), strict=True):
        assert one == pytest.approx(other, abs=1e-3)
    assert model["figures"] != base["figures"]
    head, *lines, last = capsys.readouterr().out.splitlines()
    assert head.split()[3:] == [base["name"], against["name"], model["name"]]
    assert [line[: len(row.label)] for line, row in zip(lines, rows(), strict=True)] == [
        row.label for row in rows()
    ]
    assert last == f"In {folder / 'probes.json'} and {folder / 'probes.svg'}."
    drawn = {text.strip() for text in ElementTree.parse(folder / "probes.svg").getroot().itertext()}
    assert {row.label for row in rows() if row.better} <= drawn
    assert {base["name"], against["name"], model["name"]} <= drawn


def numbers(table: object) -> list[float]:
    """The numbers in nested tables, in order."""
    if isinstance(table, dict):
        return [number for value in table.values() for number in numbers(value)]
    if isinstance(table, list):
        return [number for value in table for number in numbers(value)]
    return [] if table is None or isinstance(table, str) else [float(str(table))]


def test_the_encoder_of_an_experiment_is_probed_into_the_repository(
    two_part_folder: Path,
    experiment: ExperimentConfig,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    config = replace(experiment, output=two_part_folder)
    monkeypatch.setattr(probe, "read_experiment", lambda path: config)
    (tmp_path / "training").mkdir()
    probe.stage(Path("some.toml"), model=None, against=None)
    found = json.loads(probe.FIGURES.read_text())
    assert found["model"]["address"] == str(two_part_folder)
    assert set(found["rows"]) == {path.name for path in tmp_path.glob("*.dev.jsonl")}
    assert probe.PLOT.is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "training.probe: name either an experiment file or --model"),
        (["--model", "./nowhere"], "training.probe: there is no folder './nowhere'"),
    ],
)
def test_a_wrong_command_ends_with_one_line(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = last_line(monkeypatch, Path(probe.__file__), *arguments)
    assert line.startswith(message)

"""The command line of the stages: help, and one line where something is wrong."""

from __future__ import annotations

import json
import runpy
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from training import evaluate
from training.config import ExperimentConfig, read_experiment
from training.run import (
    check_configuration,
    pin_configuration,
    replaces,
    run_stage,
    write_json,
)

ROOT = Path(__file__).parents[2]
STAGES = (
    "training.train",
    "training.export",
    "training.evaluate",
    "training.ablate",
    "training.pair.train",
    "training.pair.export",
    "training.pair.evaluate",
)


@dataclass(frozen=True)
class Settings:
    steps: int
    output: Path


def run_with(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> list[Path]:
    """Run a stage that reads its experiment, with a command line; the paths it was given."""
    given: list[Path] = []

    def stage(path: Path) -> None:
        given.append(path)
        read_experiment(path)

    monkeypatch.setattr(sys, "argv", ["stage", *arguments])
    run_stage("training.stage", "Does what a stage does.", stage)
    return given


def test_a_stage_gets_the_experiment_of_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = ROOT / "training/experiments/encoder-a.toml"
    assert run_with(monkeypatch, str(experiment)) == [experiment]


def test_help_says_what_the_stage_does_and_how_it_is_called(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run_with(monkeypatch, "--help")
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert "Does what a stage does." in told
    assert "Example: python -m training.stage training/experiments/encoder-a.toml" in told


def test_a_stage_gets_its_own_options_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given: list[tuple[Path, bool]] = []

    def stage(path: Path, *, quick: bool) -> None:
        given.append((path, quick))

    options = {"--quick": {"action": "store_true", "help": "do less"}}
    for arguments in (["some.toml"], ["some.toml", "--quick"]):
        monkeypatch.setattr(sys, "argv", ["stage", *arguments])
        run_stage("training.stage", "Does.", stage, options=options, example="some.toml --quick")
    assert given == [(Path("some.toml"), False), (Path("some.toml"), True)]
    monkeypatch.setattr(sys, "argv", ["stage", "--help"])
    with pytest.raises(SystemExit):
        run_stage("training.stage", "Does.", stage, options=options, example="some.toml --quick")
    assert "Example: python -m training.stage some.toml --quick" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "No such file"),
        ("seed = ", "Invalid value"),
        ('name = "x"', "model: "),
        ("colour = 'red'", "model: "),
    ],
    ids=["no file", "no TOML", "no model", "an unknown key"],
)
def test_a_wrong_experiment_ends_the_command_with_one_line(
    text: str | None, message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "experiment.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SystemExit) as ended:
        run_with(monkeypatch, str(path))
    line = ended.value.code
    assert isinstance(line, str), "Python prints it to stderr and exits with 1"
    assert line.startswith("training.stage: ")
    assert message in line
    assert "\n" not in line


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_has_help_and_refuses_a_wrong_experiment(
    stage: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    script = ROOT / f"{stage.replace('.', '/')}.py"
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    monkeypatch.setattr(sys, "argv", [str(script), "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(script), run_name="__main__")
    assert ended.value.code == 0
    assert f"python -m {stage} " in capsys.readouterr().out

    path = tmp_path / "experiment.toml"
    path.write_text("name = 'x'\n")
    monkeypatch.setattr(sys, "argv", [str(script), str(path)])
    with pytest.raises(SystemExit, match=rf"^{stage}: {path}: .*missing .*'") as ended:
        runpy.run_path(str(script), run_name="__main__")
    assert "\n" not in str(ended.value.code)


def test_a_stage_before_its_time_says_what_is_not_there(
    experiment: ExperimentConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(experiment, output=tmp_path / "not-exported")
    monkeypatch.setattr(sys, "argv", ["stage", "experiment.toml"])
    with pytest.raises(SystemExit, match="not-exported does not exist"):
        run_stage("training.evaluate", "Measures.", lambda _: evaluate.main(config))


def test_a_configuration_is_kept_beside_the_run_and_may_be_used_again(tmp_path: Path) -> None:
    config = Settings(steps=3, output=Path("models/x"))
    for _ in range(2):
        pin_configuration(config, tmp_path / "run")
    kept = json.loads((tmp_path / "run/config.json").read_text())
    assert kept == {"steps": 3, "output": "models/x"}


def test_a_folder_holds_one_configuration(tmp_path: Path) -> None:
    pin_configuration(Settings(steps=3, output=Path("models/x")), tmp_path)
    with pytest.raises(ValueError, match="another configuration"):
        pin_configuration(Settings(steps=4, output=Path("models/x")), tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["steps"] == 3


def test_an_option_that_came_later_and_is_off_does_not_part_a_run_from_its_folder(
    experiment: ExperimentConfig, tmp_path: Path
) -> None:
    pin_configuration(experiment, tmp_path)
    path = tmp_path / "config.json"
    written = json.loads(path.read_text())
    # As it was written before there were these options.
    assert written["model"].pop("distil_general") is False
    assert written["model"].pop("start") == []
    write_json(path, {**written, "model": {**written["model"], "start": None}})
    check_configuration(experiment, tmp_path)
    # A number is never off, be it 0.
    floors = replace(experiment.training, floors={**experiment.training.floors, "contrast": 0.0})
    with pytest.raises(ValueError, match="another configuration"):
        check_configuration(replace(experiment, training=floors), tmp_path)


def test_json_is_written_as_people_read_it(tmp_path: Path) -> None:
    write_json(tmp_path / "figures.json", {"contrast": 0.5})
    assert (tmp_path / "figures.json").read_text() == '{\n  "contrast": 0.5\n}\n'


def test_figures_do_not_take_the_place_of_a_file_that_has_more(tmp_path: Path) -> None:
    path = tmp_path / "evaluation.json"
    full = {"base": {"stsb": 0.8, "contrast": 0.1}, "weight": 0.5}
    assert replaces(path, full)
    write_json(path, full)
    assert replaces(path, {**full, "base": {"stsb": 0.7, "contrast": 0.2, "new": 0.3}})
    assert not replaces(path, {**full, "base": {"contrast": 0.2}})

"""The ablation stage: real runs of two arms, what is run again, and its command line."""

from __future__ import annotations

import json
import os
import runpy
import sys
from pathlib import Path

import pytest
from ablation_runs import ABLATION, end_run, record, write_ablation

from training import ablate, train
from training.ablation.plan import read_ablation
from training.config import ExperimentConfig

SCRIPT = Path(ablate.__file__)
REPORT = Path("training/ablations.md")


@pytest.fixture(scope="module")
def ran(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which both arms were really run, with one seed."""
    folder = tmp_path_factory.mktemp("ran")
    text = ABLATION.replace("seeds = [1, 2]", "seeds = [1]")
    path = write_ablation(folder, text, base=str(tiny_base))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        ablate.main(path)
    return folder


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The names of the runs that are trained, in an empty folder; none takes any time."""
    names: list[str] = []
    monkeypatch.chdir(tmp_path)
    runs = read_ablation(write_ablation(tmp_path)).runs("here")

    def end(config: ExperimentConfig) -> None:
        names.append(config.name)
        (run,) = (run for run in runs if run.config == config)
        end_run(run, record(0.4, 0.3))

    monkeypatch.setattr(train, "main", end)
    return names


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    """Run the stage as its command line does."""
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *arguments])
    runpy.run_path(str(SCRIPT), run_name="__main__")


def test_every_arm_is_trained_with_what_it_changes(ran: Path) -> None:
    temperatures = {}
    for arm in ("base", "soft"):
        folder = ran / f"runs/shapes/{arm}-1"
        assert (folder / "best/model.safetensors").exists()
        assert json.loads((folder / "train.json").read_text())["best_step"] == 2
        config = json.loads((folder / "config.json").read_text())
        temperatures[arm] = config["training"]["temperature"]
    assert temperatures == {"base": 0.05, "soft": 0.1}


def test_the_figures_of_the_runs_stand_in_the_report(ran: Path) -> None:
    text = (ran / REPORT).read_text()
    for arm, change in (("base", "nothing"), ("soft", "a softer \\| softmax")):
        log = (ran / f"runs/shapes/{arm}-1/eval/dev.jsonl").read_text()
        (figures,) = map(json.loads, log.splitlines())
        start = f"| {arm} | {change} | 1 | {100 * figures['joint']:.1f} | "
        assert start + f"{figures['negation_weight']:g} | " in text
        assert f" | {100 * figures['perspectives_ndcg10']:.1f} | " in text
    assert (ran / "training/ablations/shapes.svg").exists()


def test_a_second_call_trains_nothing_and_writes_the_same_report(
    ran: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ran)
    monkeypatch.setattr(train, "main", lambda _: pytest.fail("trained again"))
    before = REPORT.read_bytes()
    REPORT.unlink()
    ablate.main(ran / "shapes.toml")
    assert REPORT.read_bytes() == before


def test_a_run_that_was_stopped_is_all_that_is_trained_again(
    ran: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ran)
    (ran / "runs/shapes/soft-1/train.json").unlink()
    real, called = train.main, []

    def note(config: ExperimentConfig) -> Path:
        called.append(config.name)
        return real(config)

    monkeypatch.setattr(train, "main", note)
    before = (ran / "runs/shapes/soft-1/eval/dev.jsonl").read_bytes()
    ablate.main(ran / "shapes.toml")
    assert called == ["soft-1"]
    assert (ran / "runs/shapes/soft-1/train.json").exists()
    # It had been measured: it goes on from its last checkpoint, which is its end.
    assert (ran / "runs/shapes/soft-1/eval/dev.jsonl").read_bytes() == before


def test_each_run_is_announced_and_the_report_is_there_after_the_first(
    trained: list[str], caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    reports: list[int] = []
    end = train.main

    def look(config: ExperimentConfig) -> Path:
        reports.append(REPORT.read_text().count("| 40.0 ") if REPORT.exists() else 0)
        return end(config)

    with pytest.MonkeyPatch.context() as patch, caplog.at_level("INFO"):
        patch.setattr(train, "main", look)
        ablate.main(Path("shapes.toml"))
    assert trained == ["base-1", "soft-1", "base-2", "soft-2"]
    assert "Run 2 of 4: soft, seed 1" in caplog.messages
    assert "Run 4 of 4: soft, seed 2" in caplog.messages
    assert any("contrast 50.0" in message for message in caplog.messages)
    assert reports == [0, 1, 2, 2]
    assert "4/4" in capsys.readouterr().err


def test_what_is_done_is_counted_and_not_announced(
    trained: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    ablate.main(Path("shapes.toml"), arms=["base"])
    caplog.clear()
    with caplog.at_level("INFO"):
        ablate.main(Path("shapes.toml"))
    assert trained == ["base-1", "base-2", "soft-1", "soft-2"]
    assert [message for message in caplog.messages if message.startswith("Run ")] == [
        "Run 3 of 4: soft, seed 1",
        "Run 4 of 4: soft, seed 2",
    ]


def test_only_the_named_arms_are_run_and_all_are_reported(
    trained: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command(monkeypatch, "shapes.toml", "--arms", "soft")
    assert trained == ["soft-1", "soft-2"]
    text = REPORT.read_text()
    assert "| base | nothing | 0 | not run | " in text
    assert "| soft | a softer \\| softmax | 2 | 40.0 ± 0.0 | " in text


def test_only_the_named_seeds_are_run(trained: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    command(monkeypatch, "shapes.toml", "--seeds", "2")
    assert trained == ["base-2", "soft-2"]


def test_rendering_trains_nothing(trained: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    command(monkeypatch, "shapes.toml", "--render")
    assert trained == []
    assert REPORT.read_text().count("not run") == 2


def test_one_process_of_several_writes_the_report(
    trained: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RANK", "1")
    ablate.main(Path("shapes.toml"))
    assert len(trained) == 4
    assert not REPORT.exists()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        (("seeds = [1, 2]", "seeds = [1"), (), r"shapes\.toml: "),
        (("title", "titel"), (), r"shapes\.toml: unknown key\(s\) titel"),
        (("temperature", "temprature"), (), r"shapes\.toml: arms\.soft: .*temprature"),
        (("small.toml", "other.toml"), (), r"other\.toml"),
        (("", ""), ("--arms", "base,sofd"), r"shapes\.toml: no arm sofd; there are base, soft"),
        (("", ""), ("--render", "--arms", "sofd"), r"shapes\.toml: no arm sofd"),
        (("", ""), ("--seeds", "2,3"), r"shapes\.toml: no seed 3; there are 1, 2"),
    ],
)
def test_what_is_wrong_ends_the_command_with_one_line_before_anything_runs(
    change: tuple[str, str],
    arguments: tuple[str, ...],
    message: str,
    trained: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # In the second arm, so that the first would have been run.
    Path("shapes.toml").write_text(ABLATION.replace(*change, 1))
    with pytest.raises(SystemExit, match=f"^training.ablate: .*{message}") as ended:
        command(monkeypatch, "shapes.toml", *arguments)
    assert "\n" not in str(ended.value.code)
    assert trained == []
    assert sorted(os.listdir()) == ["shapes.toml", "small.toml"]


def test_a_folder_of_another_configuration_is_refused_before_anything_runs(
    trained: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ablate.main(Path("shapes.toml"), arms=["soft"])
    trained.clear()
    Path("shapes.toml").write_text(ABLATION.replace("temperature = 0.1", "temperature = 0.2"))
    refusal = r"^training.ablate: runs/shapes/soft-1/config\.json is of another configuration: .*"
    with pytest.raises(SystemExit, match=refusal):
        command(monkeypatch, "shapes.toml")
    assert trained == []


def test_help_says_how_it_is_called(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command(monkeypatch, "--help")
    assert ended.value.code == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "training/experiments/ablations.toml --arms base,distillation-4" in told
    assert "--render" in told

"""An ablation of the pair model: real runs of two arms, and their report and picture."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ablation_runs import PAIR_ABLATION, PAIR_BASE, PAIR_FIGURES, end_run, write_ablation

from training import ablate
from training.ablation.outcome import has_ended
from training.ablation.plan import read_ablation
from training.ablation.report import write_report
from training.pair import train
from training.pair.config import PairConfig

REPORT = Path("training/ablations.md")


@pytest.fixture(scope="module")
def ran(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which both arms were really run."""
    folder = tmp_path_factory.mktemp("ran")
    path = write_ablation(
        folder, PAIR_ABLATION, base=str(tiny_base), name="pairs", experiment=PAIR_BASE
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        ablate.main(path)
    return folder


def rows(text: str) -> dict[str, dict[str, str]]:
    """The cells of the table, by arm and heading."""
    lines = [line[2:-2].split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {line[0]: dict(zip(lines[0], line, strict=True)) for line in lines[2:]}


def shown(figures: dict[str, float], name: str) -> str:
    return f"{100 * figures[name]:.1f}" if name in figures else ""


def test_the_figures_of_the_runs_stand_in_the_report(ran: Path) -> None:
    table = rows((ran / REPORT).read_text())
    for arm in ("base", "dice"):
        log = (ran / f"runs/pairs/{arm}-1/eval/dev.jsonl").read_text()
        (figures,) = map(json.loads, log.splitlines())
        found = table[arm]
        assert found["seeds"] == "1"
        assert found["joint"] == shown(figures, "joint")
        assert found["macro-F1"] == shown(figures, "macro_f1")
        assert found["hedge"] == shown(figures, "f1_hedge")
        assert found["CANNOT"] == shown(figures, "auc_cannot")
        assert found["contrast"] == shown(figures, "contrast")
        assert found["strangers"] == shown(figures, "strangers")
        assert "*w*" not in found
    assert table["base"]["contrast"]
    # No rankings: that arm has no order, and the public set is not there.
    assert table["dice"]["contrast"] == table["dice"]["MNLI"] == ""
    assert (ran / "training/ablations/pairs.svg").exists()


def test_a_second_call_trains_nothing_and_writes_the_same_report(
    ran: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ran)
    monkeypatch.setattr(train, "main", lambda _: pytest.fail("trained again"))
    before = REPORT.read_bytes()
    REPORT.unlink()
    ablate.main(ran / "pairs.toml")
    assert REPORT.read_bytes() == before


def test_a_run_that_was_stopped_is_all_that_goes_on(
    ran: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ran)
    folder = ran / "runs/pairs/dice-1"
    (folder / "train.json").unlink()
    assert not any(
        has_ended(run)
        for run in read_ablation(ran / "pairs.toml").runs("here")
        if run.config.name == "dice-1"
    )
    real, called = train.main, []

    def note(config: PairConfig) -> Path:
        called.append(config.name)
        return real(config)

    monkeypatch.setattr(train, "main", note)
    before = (folder / "eval/dev.jsonl").read_bytes()
    ablate.main(ran / "pairs.toml")
    assert called == ["dice-1"]
    assert json.loads((folder / "train.json").read_text())["best_step"] == 2
    # It had been measured: it goes on from its last checkpoint, which is its end.
    assert (folder / "eval/dev.jsonl").read_bytes() == before


def test_a_row_has_what_its_arm_measured_over_the_seeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = PAIR_ABLATION.replace("seeds = [1]", "seeds = [1, 2]")
    path = write_ablation(tmp_path, text, name="pairs", experiment=PAIR_BASE)
    ablation = read_ablation(path)
    runs = ablation.runs(str(path))
    order = {"contrast": 0.3, "exclusion": 0.6}
    ended = [(runs[0], 0.7, order), (runs[2], 0.74, order), (runs[1], 0.8, {})]
    for run, joint, more in ended:
        end_run(run, {"step": 2, **PAIR_FIGURES, **more, "joint": joint}, minutes=3.0)
    write_report(ablation, runs)
    found = rows(REPORT.read_text())
    assert found["base"] == {
        "arm": "base",
        "change": "nothing",
        "seeds": "2",
        "joint": "72.0 ± 2.0",
        "macro-F1": "70.0 ± 0.0",
        "equivalence": "80.0 ± 0.0",
        "contradiction": "60.0 ± 0.0",
        "hedge": "75.0 ± 0.0",
        "neutral": "65.0 ± 0.0",
        "CANNOT": "90.0 ± 0.0",
        "MNLI": "85.0 ± 0.0",
        "New Protocols": "",
        "contrast": "30.0 ± 0.0",
        "exclusion": "60.0 ± 0.0",
        "strangers": "2.0 ± 0.0",
        "minutes": "3",
        "verdict": "",
    }
    assert (found["dice"]["joint"], found["dice"]["contrast"]) == ("80.0", "")
    picture = Path("training/ablations/pairs.svg").read_text()
    for name in ("base", "dice", "macro-F1", "strangers", "joint score (percent)"):
        assert f">{name}</text>" in picture
    # It shows the figures: no weight moves them.
    assert "negation weight" not in picture
    assert "every figure of the table" in REPORT.read_text()
    assert "held against" not in REPORT.read_text()

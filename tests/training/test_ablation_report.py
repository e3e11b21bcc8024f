"""The report: a section for each ablation, figures over the seeds, and nothing that gets lost."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ablation_runs import ABLATION, end_run, record, write_ablation

from training.ablation.plan import read_ablation
from training.ablation.report import write_report

REPORT = Path("training/ablations.md")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working directory, where runs and report lie."""
    monkeypatch.chdir(tmp_path)


def report(path: Path) -> str:
    ablation = read_ablation(path)
    write_report(ablation, ablation.runs(str(path)))
    return REPORT.read_text()


def end(path: Path, arm: str, seed: int, joint: float, weight: float, **more: float) -> None:
    minutes = more.pop("minutes", 7.0)
    runs = read_ablation(path).runs(str(path))
    (run,) = (run for run in runs if (run.arm, run.seed) == (arm, seed))
    end_run(run, record(joint, weight, **more), minutes=minutes)


def rows(text: str) -> dict[str, dict[str, str]]:
    """The cells of the tables in a report, by arm and heading."""
    lines = [line[2:-2].split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {line[0]: dict(zip(lines[0], line, strict=True)) for line in lines[2:]}


def test_a_row_has_mean_and_half_range_over_the_seeds(tmp_path: Path) -> None:
    path = write_ablation(tmp_path)
    end(path, "base", 1, 0.40, 0.3, contrast=0.50, minutes=7.0)
    end(path, "base", 2, 0.44, 0.4, contrast=0.53, minutes=10.0)
    assert rows(report(path))["base"] == {
        "arm": "base",
        "change": "nothing",
        "seeds": "2",
        "joint": "42.0 ± 2.0",
        "*w*": "0.35 ± 0.05",
        "contrast": "51.5 ± 1.5",
        "exclusion": "60.0 ± 0.0",
        "exclusion nDCG": "70.0 ± 0.0",
        "same/neg": "80.0 ± 0.0",
        "CANNOT": "90.0 ± 0.0",
        "STS-B": "86.0 ± 0.0",
        "MedQuAD": "91.0 ± 0.0",
        "perspectives": "70.0 ± 0.0",
        "minutes": "8",
        "verdict": "",
    }


def test_a_single_seed_has_no_spread_and_an_arm_without_runs_is_listed(tmp_path: Path) -> None:
    path = write_ablation(tmp_path)
    end(path, "base", 1, -0.123, 0.3)
    found = rows(report(path))
    assert (found["base"]["seeds"], found["base"]["joint"]) == ("1", "-12.3")
    assert (found["soft"]["seeds"], found["soft"]["joint"]) == ("0", "not run")
    assert found["soft"]["verdict"] == "kept"
    assert found["soft"]["contrast"] == ""


def test_the_section_says_what_was_asked_and_what_all_arms_share(tmp_path: Path) -> None:
    path = write_ablation(tmp_path)
    end(path, "base", 1, 0.4, 0.3)
    text = report(path)
    assert "\n## What shape does\n\nSmall runs.\n" in text
    assert "Base: `small.toml`, with `training.evaluate_every = 2`. Seeds: 1, 2." in text
    assert "held against STS-B 85.0, MedQuAD 93.0, perspectives 72.0." in text
    # The pipe of the change does not end its cell.
    assert "| soft | a softer \\| softmax | 0 |" in text
    assert "](ablations/shapes.svg)" in text
    assert Path("training/ablations/shapes.svg").exists()


def test_a_figure_without_its_data_is_left_empty(tmp_path: Path) -> None:
    path = write_ablation(tmp_path)
    end(path, "base", 1, 0.4, 0.3)
    log = Path("runs/shapes/base-1/eval/dev.jsonl")
    log.write_text(log.read_text().replace("medquad_ndcg10", "medquad_of_old"))
    found = rows(report(path))["base"]
    assert (found["MedQuAD"], found["STS-B"]) == ("", "86.0")


def test_runs_that_are_held_against_different_figures_show_it(tmp_path: Path) -> None:
    path = write_ablation(tmp_path)
    for arm, base in (("base", "0.93"), ("soft", "0.915")):
        end(path, arm, 1, 0.4, 0.3)
        log = Path(f"runs/shapes/{arm}-1/eval/dev.jsonl")
        log.write_text(log.read_text().replace("0.93", base))
    assert "STS-B 85.0, MedQuAD 91.5 to 93.0, perspectives 72.0." in report(path)


def test_without_any_run_there_is_a_table_and_no_picture(tmp_path: Path) -> None:
    text = report(write_ablation(tmp_path))
    assert {row["joint"] for row in rows(text).values()} == {"not run"}
    assert ".svg" not in text
    assert not Path("training/ablations").exists()


def test_each_ablation_has_a_section_of_its_own_that_is_renewed_in_place(tmp_path: Path) -> None:
    first = write_ablation(tmp_path)
    text = ABLATION.replace('"shapes"', '"losses"').replace("What shape does", "What losses do")
    second = write_ablation(tmp_path, text, name="losses")
    report(first)
    end(second, "soft", 1, 0.2, 0.3)
    both = report(second)
    assert both.index("## What shape does") < both.index("## What losses do")
    end(first, "base", 1, 0.4, 0.3)
    renewed = report(first)
    assert renewed.count("# Ablations\n") == renewed.count("## What shape does") == 1
    assert renewed.index("## What shape does") < renewed.index("## What losses do")
    assert "| base | nothing | 1 | 40.0 | " in renewed
    assert both.partition("<!-- ablation: losses -->")[2] in renewed
    assert report(second) == report(first) == renewed


def test_figures_whose_runs_are_elsewhere_stay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_ablation(tmp_path)
    for seed in (1, 2):
        end(path, "base", seed, 0.4, 0.3)
    before = report(path)
    picture = Path("training/ablations/shapes.svg").read_bytes()
    assert capsys.readouterr().out == ""
    shutil.rmtree("runs/shapes/base-2")
    end(path, "soft", 1, 0.5, 0.3)
    assert report(path) == before
    assert Path("training/ablations/shapes.svg").read_bytes() == picture
    told = capsys.readouterr().out
    assert "training/ablations.md has figures of base whose runs are not under runs/shapes" in told


def test_an_arm_that_was_taken_out_of_the_file_leaves_the_report(tmp_path: Path) -> None:
    path = write_ablation(tmp_path)
    for arm in ("base", "soft"):
        end(path, arm, 1, 0.4, 0.3)
    report(path)
    write_ablation(tmp_path, ABLATION.partition("[arms.soft]")[0])
    assert set(rows(report(path))) == {"base"}

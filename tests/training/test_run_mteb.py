"""The tasks of mteb with our encoders; skipped where the extra is not installed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import last_line
from dev_rows import write_dev_rows
from encoders import oracle

from training import corpus, run_mteb
from training.evaluation import tasks
from training.evaluation.opening import encoder
from training.evaluation.target import read_target

mteb = pytest.importorskip("mteb", reason="the extra 'mteb' is not installed")

SCRIPT = Path(run_mteb.__file__)


def test_our_tasks_run_through_mteb_and_agree_with_our_own_figures(
    encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dev_rows(tmp_path)
    monkeypatch.setattr(corpus, "DATA", tmp_path)
    target = read_target(str(encoder_folder))
    told = run_mteb.main(target, list(run_mteb.OURS), runs=tmp_path / "runs")
    path = tmp_path / "runs" / target.name / "scores.json"
    assert json.loads(path.read_text())["tasks"].keys() == set(run_mteb.OURS)
    exclusion = told["tasks"]["LitotesExclusion"]
    assert exclusion["metric"] == "ndcg_at_10"
    ours = tasks.exclusion_ndcg(encoder(target))
    assert exclusion["main_score"] == pytest.approx(ours, abs=1e-4)
    assert 0 < told["tasks"]["LitotesHedging"]["main_score"] < 1


def test_an_encoder_that_tells_hedges_apart_has_full_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoder_folder: Path
) -> None:
    write_dev_rows(tmp_path)
    monkeypatch.setattr(corpus, "DATA", tmp_path)
    same = {text: group.anchor for group in corpus.groups("dev") for text in group.same}
    monkeypatch.setattr(run_mteb, "encoder", lambda _: oracle(same))
    told = run_mteb.main(read_target(str(encoder_folder)), ["LitotesHedging"], runs=tmp_path)
    assert told["tasks"]["LitotesHedging"]["main_score"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("NoSuchTask", "training.run_mteb: task NoSuchTask: "),
        (
            "STSBenchmark",
            "training.run_mteb: task STSBenchmark: its data (mteb/stsbenchmark-sts at",
        ),
    ],
)
def test_a_task_that_cannot_be_had_is_told_before_anything_is_encoded(
    task: str, message: str, encoder_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = last_line(monkeypatch, SCRIPT, "--model", str(encoder_folder), "--tasks", task)
    assert line.startswith(message)

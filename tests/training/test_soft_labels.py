"""A judge's scores as labels of groups: which text has which, and that a run learns from them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import corpora
import pytest
from dev_rows import write_dev_rows
from judgements import judge

from training import corpus, rows, train
from training.config import ExperimentConfig, Kind
from training.judge.scores import read_scores
from training.losses.group_orders import JUDGED
from training.soft_labels import read_group_scores, soften


@pytest.fixture
def judged(tmp_path: Path, pair_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The judgements of a pair model of a corpus of four groups, which the run sees alone."""
    folder = corpora.write(tmp_path, sentence_train=[corpora.sentence(n) for n in range(4)])
    write_dev_rows(folder)
    monkeypatch.setattr(corpus, "DATA", folder)
    judge(tmp_path, folder / "sentence.train.jsonl", model=pair_folder)
    return tmp_path / "runs/judge/small.jsonl"


def soft(experiment: ExperimentConfig, path: Path, **changes: object) -> ExperimentConfig:
    """An experiment on groups alone that are aligned with a judge."""
    kinds = {name: Kind(share=0.5, rows=2) for name in ("groups", "counterfactuals")}
    options = {"kinds": kinds, "group_order": "judged", "judge_scores": str(path), **changes}
    training = replace(experiment.training, steps=4, evaluate_every=4, **options)
    return replace(experiment, name="soft", training=training)


def test_each_text_has_the_score_that_the_judge_gave_it(judged: Path) -> None:
    judgements = read_scores(judged)
    groups = list(corpus.read_jsonl(corpus.DATA / "sentence.train.jsonl"))
    drawn = rows.draw("groups", 12, seed=1)
    softened_rows = soften(drawn, read_group_scores(judged))
    for row, softened in zip(drawn, softened_rows, strict=True):
        assert {name: softened[name] for name in row} == row
        group = next(
            group
            for group in groups
            if row["anchor"] in (group["anchor"], *(item["text"] for item in group["same"]))
        )
        said = {group["anchor"]: 1.0}
        for field in ("same", "negated", "hedged", "neutral"):
            for index, item in enumerate(group[field]):
                found = judgements[group["id"], field, index]
                text = item if field == "neutral" else item["text"]
                said[text] = sum(JUDGED[name] * p for name, p in found.items())
        assert softened["label"] == pytest.approx([said[text] for text in list(row.values())[1:]])


def test_a_run_learns_from_the_scores(judged: Path, experiment: ExperimentConfig) -> None:
    config = replace(soft(experiment, judged), runs=judged.parent)
    datasets = train.draw_datasets(config)
    assert all("label" in datasets[name].column_names for name in datasets)
    best = train.main(config)
    sure = replace(config, name="sure", training=replace(config.training, judge_scores=None))
    train.main(sure)
    softly, surely = (path / "model.safetensors" for path in (best, sure.folder / "best"))
    assert softly.read_bytes() != surely.read_bytes()


@pytest.mark.parametrize("probabilities", [None, {"equivalence": 1.0}, {"relevant": 1.0}])
def test_a_text_that_was_not_judged_is_named(
    probabilities: dict[str, float] | None, judged: Path
) -> None:
    *lines, last = judged.read_text().splitlines()
    missing = json.loads(last)
    if probabilities is not None:
        lines.append(json.dumps({**missing, "probabilities": probabilities}))
    judged.write_text("\n".join(lines) + "\n")
    name = f"no judgement of {missing['id']}, {missing['field']} {missing['index']}, by every"
    with pytest.raises(ValueError, match=name):
        read_group_scores(judged)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"group_order": "bands"}, 'judge_scores: for group_order = "judged" alone'),
        ({"judge_scores": "nowhere.jsonl"}, r"judge_scores: nowhere\.jsonl is not there"),
    ],
)
def test_scores_that_nothing_would_use_or_that_are_not_there_are_refused(
    changes: dict[str, object], message: str, judged: Path, experiment: ExperimentConfig
) -> None:
    config = soft(experiment, judged, **changes)
    with pytest.raises(ValueError, match=message):
        train.main(config)
    assert not config.folder.exists()

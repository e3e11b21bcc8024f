"""A whole run of the training stage on a tiny encoder: what it leaves, and how it goes on."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer

from training import train
from training.config import ExperimentConfig, Kind
from training.cue_phrases import CUE_PHRASES
from training.evaluation.tasks import DEV_TASKS
from training.run import history, pin_configuration

OF_A_CHECKPOINT = ("step", "base", "joint", "negation_weight", "sweep")


def weights(folder: Path) -> dict[str, torch.Tensor]:
    loaded: dict[str, torch.Tensor] = load_file(folder / "model.safetensors")
    return loaded


def same_weights(first: Path, second: Path) -> bool:
    left, right = weights(first), weights(second)
    return left.keys() == right.keys() and all(torch.equal(left[key], right[key]) for key in left)


def dev_records(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "eval/dev.jsonl").read_text().splitlines()]


def test_a_run_leaves_its_configuration_its_figures_and_its_best_checkpoint(
    best: Path, experiment: ExperimentConfig
) -> None:
    assert best == experiment.folder / "best"
    pinned = json.loads((experiment.folder / "config.json").read_text())
    assert pinned == json.loads(json.dumps(asdict(experiment), default=str))
    records = dev_records(experiment.folder)
    assert [record["step"] for record in records] == [5, 10]
    for record in records:
        assert set(record) == {*OF_A_CHECKPOINT, *DEV_TASKS}
        assert set(record["base"]) == set(experiment.training.floors)


def test_the_best_checkpoint_is_the_one_with_the_best_joint_figure(
    best: Path, experiment: ExperimentConfig
) -> None:
    joint = {record["step"]: record["joint"] for record in dev_records(experiment.folder)}
    summary = json.loads((experiment.folder / "train.json").read_text())
    assert summary == {
        "best_joint": max(joint.values()),
        "best_step": max(joint, key=lambda step: joint[step]),
    }
    for step in joint:
        checkpoint = experiment.folder / f"checkpoint-{step}"
        assert same_weights(best, checkpoint) == (step == summary["best_step"])


def test_training_moves_the_polarity_part_and_leaves_the_general_one(
    best: Path, experiment: ExperimentConfig
) -> None:
    start = train.build_model(experiment)[0].state_dict()
    trained = weights(best)
    assert trained.keys() == start.keys()
    for name, weight in trained.items():
        if name.startswith("polarity."):
            assert not torch.equal(weight, start[name]), f"{name} was not trained"
        elif not name.startswith("projection."):
            assert torch.equal(weight, start[name]), f"{name} was to stay as it was"


def test_a_second_call_trains_nothing_anew(best: Path, experiment: ExperimentConfig) -> None:
    names = ("best/model.safetensors", "train.json", "eval/dev.jsonl", "config.json")
    before = [(experiment.folder / name).read_bytes() for name in names]
    assert train.main(experiment) == best
    assert [(experiment.folder / name).read_bytes() for name in names] == before


def test_a_run_that_was_stopped_ends_as_one_that_was_not(
    best: Path, experiment: ExperimentConfig
) -> None:
    stopped = replace(experiment, name="stopped")
    shutil.copytree(experiment.folder, stopped.folder)
    for gone in ("checkpoint-10", "best"):
        shutil.rmtree(stopped.folder / gone)
    for gone in ("config.json", "train.json", "eval/dev.jsonl"):
        (stopped.folder / gone).unlink()
    train.main(stopped)
    assert [record["step"] for record in dev_records(stopped.folder)] == [10]
    assert same_weights(stopped.folder / "checkpoint-10", best.parent / "checkpoint-10")
    assert same_weights(stopped.folder / "best", best)


def test_another_configuration_in_the_same_folder_is_refused(
    best: Path, experiment: ExperimentConfig
) -> None:
    before = (best / "model.safetensors").read_bytes()
    other = replace(experiment, training=replace(experiment.training, learning_rate=0.02))
    with pytest.raises(ValueError, match=r"config\.json is of another configuration"):
        train.main(other)
    assert (best / "model.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kinds": {"grups": Kind(share=1.0, rows=2)}}, r"kinds: unknown name\(s\) grups"),
        (
            {"kinds": {"groups": Kind(share=1.0, rows=2, weight=1.5)}},
            r"kinds\.groups: weight must lie over 0 and be at most 1",
        ),
        (
            {"kinds": {"graded": Kind(share=1.0, rows=2, latest=9)}},
            r"kinds\.graded: latest is for groups, contrasts, .*topic-exclusions, sentences alone",
        ),
        ({"floors": {"stsb": 0.0}}, r"floors: unknown name\(s\) stsb"),
        ({"group_order": "band"}, r"group_order: unknown name\(s\) band"),
        ({"contrastive": "mixing"}, r"contrastive: unknown name\(s\) mixing"),
        ({"pair_order": "rank_kl"}, r"pair_order: unknown name\(s\) rank_kl"),
        ({"curriculum": "by-length"}, r"curriculum: unknown name\(s\) by-length"),
    ],
)
def test_a_bad_name_or_weight_is_refused_before_the_folder_is_taken(
    changes: dict[str, Any], message: str, experiment: ExperimentConfig
) -> None:
    training = replace(experiment.training, **changes)
    config = replace(experiment, name="misspelt", training=training)
    with pytest.raises(ValueError, match=message):
        train.main(config)
    assert not config.folder.exists()


def test_an_unknown_fusion_is_refused(experiment: ExperimentConfig) -> None:
    model = replace(experiment.model, fusion="median")
    with pytest.raises(ValueError, match=r"fusion: unknown name\(s\) median"):
        train.main(replace(experiment, name="misspelt", model=model))


def test_an_unknown_pooling_is_refused_before_the_folder_is_taken(
    experiment: ExperimentConfig,
) -> None:
    model = replace(experiment.model, pooling="max")
    config = replace(experiment, name="misspelt", model=model)
    with pytest.raises(ValueError, match=r"pooling: unknown name\(s\) max"):
        train.main(config)
    assert not config.folder.exists()


@pytest.mark.usefixtures("no_public_data")
def test_without_public_data_a_run_goes_on_with_the_distilled_rows(
    experiment: ExperimentConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kinds = {name: Kind(share=0.25, rows=2) for name in ("groups", "exclusions", "polarity")}
    training = replace(experiment.training, steps=4, evaluate_every=1, kinds=kinds)
    config = replace(experiment, runs=tmp_path, training=training)
    best = train.main(config)
    assert (best / "model.safetensors").exists()
    assert "No rows of kind polarity: the run goes on without them" in caplog.messages
    first, second = dev_records(config.folder)
    assert (first["step"], second["step"]) == (1, 2)
    assert first["base"] == {}
    assert "stsb_spearman" not in first
    assert "joint" in first


def test_a_run_that_diverges_ends_with_one_line(experiment: ExperimentConfig) -> None:
    training = replace(experiment.training, learning_rate=1e30, evaluate_every=10)
    diverging = replace(experiment, name="diverging", training=training)
    with pytest.raises(ValueError, match=r"diverging: no number is left .* after step [2-9];"):
        train.main(diverging)
    assert not (diverging.folder / "best").exists()


def test_a_run_goes_on_from_the_checkpoint_of_another(
    best: Path, experiment: ExperimentConfig
) -> None:
    model = replace(experiment.model, start=[str(best)])
    later = replace(experiment, name="later", model=model)
    assert same_weights(Path(best), save(train.build_model(later), later.folder))
    pin_configuration(later, later.folder)
    (later.folder / "eval").mkdir()
    (later.folder / "eval/dev.jsonl").write_text('{"step": 1}\n')
    names = [run["config"]["name"] for run in history(later.folder)]
    assert names == [experiment.name, "later"]


def test_a_run_of_no_steps_measures_the_average_of_those_that_it_starts_from(
    best: Path, experiment: ExperimentConfig
) -> None:
    model = replace(experiment.model, start=[str(best), str(best)])
    training = replace(experiment.training, steps=0)
    mean = replace(experiment, name="mean", model=model, training=training)
    assert same_weights(train.main(mean), best)
    (record,) = dev_records(mean.folder)
    assert record["step"] == 0
    summary = json.loads((mean.folder / "train.json").read_text())
    assert summary == {"best_joint": record["joint"], "best_step": 0}
    runs = history(mean.folder)
    assert [run["config"]["name"] for run in runs] == [experiment.name, "mean"]
    # Figures at every weight are kept of the last run alone.
    assert ["sweep" in run["dev"][0] for run in runs] == [False, True]


def test_a_run_may_start_from_a_delta_average(best: Path, experiment: ExperimentConfig) -> None:
    start = [str(best), str(best)]
    model = replace(experiment.model, start=start, fusion="delta")
    fused = train.build_model(replace(experiment, model=model))
    for name, weight in weights(best).items():
        torch.testing.assert_close(fused[0].state_dict()[name], weight)


def test_a_checkpoint_that_is_not_there_is_named(experiment: ExperimentConfig) -> None:
    model = replace(experiment.model, start=["runs/never-run/best"])
    with pytest.raises(ValueError, match=r"model\.start: runs/never-run/best is not there"):
        train.build_model(replace(experiment, model=model))


def test_a_checkpoint_of_another_shape_is_refused(best: Path, experiment: ExperimentConfig) -> None:
    model = replace(experiment.model, start=[str(best)], polarity_dimensions=8)
    with pytest.raises(ValueError, match="another shape"):
        train.build_model(replace(experiment, model=model))


def test_a_run_may_share_fewer_layers_than_the_one_it_goes_on_from(
    best: Path, experiment: ExperimentConfig
) -> None:
    shared = experiment.model.shared_layers - 1
    model = replace(experiment.model, start=[str(best)], shared_layers=shared)
    deeper = train.build_model(replace(experiment, model=model))
    assert deeper[0].shared_layers == shared
    texts = ["The pump leaks.", "The pump never leaks."]
    before = SentenceTransformer(str(best), trust_remote_code=True, device="cpu").encode(texts)
    np.testing.assert_allclose(deeper.encode(texts), before, atol=1e-6)
    assert all(weight.requires_grad for weight in deeper[0].polarity.parameters())


def test_the_encoder_pools_and_binds_as_the_configuration_says_wherever_it_starts(
    best: Path, experiment: ExperimentConfig
) -> None:
    settings = replace(experiment.model, pooling="anchor-tokens", cue_merging=True)
    texts = ["The pump never leaks."]
    for start in ([], [str(best)]):
        plain = replace(experiment.model, start=start)
        before = train.build_model(replace(experiment, model=plain))
        after = train.build_model(replace(experiment, model=replace(settings, start=start)))
        assert (before[0].pooling, before[0].cue_binding) == ("mean", None)
        assert after[0].pooling == "anchor-tokens"
        assert after[0].cue_phrases == list(CUE_PHRASES)
        width = before[0].general_dimensions
        first, second = before.encode(texts)[0], after.encode(texts)[0]
        np.testing.assert_array_equal(first[:width], second[:width])
        assert np.abs(first[width:] - second[width:]).max() > 1e-3


def save(model: SentenceTransformer, folder: Path) -> Path:
    model.save(str(folder / "fresh"))
    return folder / "fresh"

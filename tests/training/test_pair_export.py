"""A whole run of the discriminator on a tiny encoder, from its training to its served folder."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from sentence_transformers import CrossEncoder

from service.model_folder import read_pair
from training import storage
from training.pair import evaluate, evaluation, export, train
from training.pair.config import PairConfig
from training.pair.evaluation import Logits
from training.pair.loss import PartialLabelLoss, partial_label_loss
from training.pair.relations import CONTRADICTION, EQUIVALENCE, NEUTRAL, RELATIONS
from training.pair.scaling import Scaling, fit_scaling
from training.parity import ParityError, check_discriminator
from training.serving import ServedDiscriminator

PAIRS = [
    ("The pump leaks.", "No pump leaks."),
    ("The door is open at night and the lamp is on.", "The door is not closed."),
    ("The boat is late.", "The boat may be late, and the train is early."),
    ("the boat is late and the train is not " * 5, "Few of the boats run."),
]
LENGTH = 40


@pytest.fixture(scope="session")
def pair_experiment(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> PairConfig:
    folder = tmp_path_factory.mktemp("pair")
    return PairConfig(
        name="tiny-pair",
        seed=3,
        runs=folder / "runs",
        output=folder / "model-pair",
        base=str(tiny_base),
        max_length=LENGTH,
        steps=4,
        rows=8,
        shares={"groups": 0.5, "inference": 0.25, "roles": 0.25},
        learning_rate=0.001,
        warmup_steps=1,
        weight_decay=0.01,
        evaluate_every=2,
        precision=0.3,
    )


@pytest.fixture(scope="session")
def judge(pair_experiment: PairConfig) -> Path:
    """The checkpoint that a real run of the experiment chose."""
    return train.main(pair_experiment)


@pytest.fixture(scope="session")
def exported_judge(judge: Path, pair_experiment: PairConfig) -> Path:
    """The model folder of that checkpoint; its parity was checked."""
    return export.main(pair_experiment)


def logits_of(folder: Path) -> Logits:
    model = CrossEncoder(str(folder), device="cpu", max_length=LENGTH)
    logits: Logits = model.predict(PAIRS, activation_fn=torch.nn.Identity())
    return logits


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def test_a_run_leaves_its_figures_and_its_best_checkpoint(
    judge: Path, pair_experiment: PairConfig
) -> None:
    lines = (pair_experiment.folder / "eval/dev.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    # The source "roles" is not there, so a quarter of the four steps is not made.
    assert [record["step"] for record in records] == [2]
    assert set(records[0]) == {"step", "macro_f1", "cannot_auc", *(f"f1_{n}" for n in RELATIONS)}
    assert read(judge / "config.json")["id2label"] == dict(zip("0123", RELATIONS, strict=True))


def test_another_configuration_in_the_same_folder_is_refused(
    judge: Path, pair_experiment: PairConfig
) -> None:
    with pytest.raises(ValueError, match="another configuration"):
        train.main(replace(pair_experiment, steps=5))


def test_an_unknown_source_is_refused_before_the_folder_is_taken(
    pair_experiment: PairConfig,
) -> None:
    config = replace(pair_experiment, name="misspelt", shares={"grups": 1.0})
    with pytest.raises(ValueError, match=r"shares: unknown name\(s\) grups"):
        train.main(config)
    assert not config.folder.exists()


def test_the_loss_runs_the_pairs_whose_texts_are_the_columns(judge: Path) -> None:
    model = CrossEncoder(str(judge), device="cpu", max_length=LENGTH)
    model.eval()
    masks = torch.tensor([CONTRADICTION, EQUIVALENCE, NEUTRAL | EQUIVALENCE, NEUTRAL])
    columns = [list(column) for column in zip(*PAIRS, strict=True)]
    with torch.no_grad():
        loss = PartialLabelLoss(model)(columns, masks)
    expected = partial_label_loss(torch.tensor(logits_of(judge)), masks)
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize("scaling", [Scaling(), Scaling(1.7, (0.5, -0.5, 1.0, -1.0))])
def test_the_service_gives_the_cross_encoders_logits_scaled(
    judge: Path, pair_experiment: PairConfig, scaling: Scaling, tmp_path: Path
) -> None:
    export.write_folder(judge, tmp_path, scaling=scaling, config=pair_experiment)
    served = ServedDiscriminator(tmp_path)
    logits = served(PAIRS)
    assert logits.shape == (4, 4)
    np.testing.assert_allclose(logits, scaling.apply(logits_of(judge)), atol=0.01)
    # What is left is the rounding to half precision: the folder itself is computed exactly.
    np.testing.assert_allclose(logits, logits_of(tmp_path), atol=1e-5)
    for pair, row in zip(PAIRS, logits, strict=True):
        np.testing.assert_allclose(served([pair])[0], row, atol=1e-5)


def test_there_is_nothing_to_export_before_training(pair_experiment: PairConfig) -> None:
    with pytest.raises(FileNotFoundError, match="untrained/best does not exist: train first"):
        export.main(replace(pair_experiment, name="untrained"))


def test_the_graph_holds_no_weights(exported_judge: Path) -> None:
    graph = onnx.load(exported_judge / storage.GRAPH, load_external_data=False).graph
    assert sum(len(tensor.raw_data) for tensor in graph.initializer) < 1000
    assert {"classifier.weight.half", "bert.embeddings.word_embeddings.weight.half"} <= {
        tensor.name for tensor in graph.initializer if tensor.external_data
    }


def test_both_orders_are_judged_alike_by_the_served_folder(exported_judge: Path) -> None:
    served = ServedDiscriminator(exported_judge)
    swapped = [(b, a) for a, b in PAIRS]
    assert not np.allclose(served(PAIRS), served(swapped), atol=1e-4)
    judged = evaluation.both_orders(served)
    np.testing.assert_array_equal(judged(PAIRS), judged(swapped))


def test_the_folder_says_what_the_service_needs(
    exported_judge: Path, pair_experiment: PairConfig
) -> None:
    spec = read_pair(exported_judge)
    calibration = read(exported_judge / "calibration.json")
    assert spec.labels == RELATIONS
    assert spec.max_input_tokens == LENGTH
    assert spec.abstention_threshold == calibration["abstention"]["threshold"]
    assert calibration["abstention"]["precision"] >= pair_experiment.precision


def test_the_scaling_is_in_what_is_served(exported_judge: Path) -> None:
    calibration = read(exported_judge / "calibration.json")
    texts, relations = evaluation.dev_arrays("calibration")
    logits = evaluation.both_orders(ServedDiscriminator(exported_judge))(texts)
    assert fit_scaling(logits, relations).temperature == pytest.approx(1, abs=0.02)
    assert evaluation.expected_calibration_error(logits, relations) == pytest.approx(
        calibration["ece_after"], abs=0.005
    )


def scaling_of(folder: Path) -> Scaling:
    calibration = read(folder / "calibration.json")
    return Scaling(calibration["temperature"], tuple(calibration["biases"].values()))


def test_a_graph_that_does_not_follow_its_weights_fails_parity(
    exported_judge: Path, judge: Path, tmp_path: Path
) -> None:
    scaling = scaling_of(exported_judge)
    copied = Path(shutil.copytree(exported_judge, tmp_path / "copied"))
    onnx.save_model(onnx.load(copied / storage.GRAPH), copied / storage.GRAPH)
    check_discriminator(copied, reference=judge, scaling=scaling)
    weights = storage.read_half(copied)
    weights["classifier.bias"] += torch.tensor([1.0, 0.0, 0.0, 0.0])
    storage.write_half(weights, copied)
    with pytest.raises(ParityError, match="alone_against_sentence_transformers: logits differ"):
        check_discriminator(copied, reference=judge, scaling=scaling)


def test_a_folder_of_another_checkpoint_fails_parity(exported_judge: Path, judge: Path) -> None:
    with pytest.raises(ParityError, match="half_precision_against_checkpoint: logits differ"):
        check_discriminator(exported_judge, reference=judge, scaling=Scaling(0.01))


def test_the_figures_and_the_card_of_the_folder_come_from_its_files(
    exported_judge: Path,
    pair_experiment: PairConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)  # where no encoder of ours lies
    figures = evaluate.main(pair_experiment)
    assert read(exported_judge / "evaluation.json") == figures
    assert set(figures["contradiction_auc"]) == {"cannot/dev"}
    assert "cosine_litotes" not in figures
    card = (exported_judge / "README.md").read_text()
    assert f"{100 * figures['discriminator']['macro_f1']:.1f}" in card

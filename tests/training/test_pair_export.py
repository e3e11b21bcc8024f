"""A whole run of the discriminator on a tiny encoder, from its training to its served folder."""

from __future__ import annotations

import json
import shutil
from dataclasses import astuple, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from sentence_transformers import CrossEncoder

from service.model_folder import read_pair
from training import storage
from training.pair import evaluate, evaluation, export, reranking, train
from training.pair.config import PairConfig, RankingKind
from training.pair.crossed import Crossed, CrossedLoss
from training.pair.evaluation import Logits
from training.pair.loss import (
    PartialLabelLoss,
    RelevanceLoss,
    partial_label_loss,
    relevance_loss,
)
from training.pair.relations import CONTRADICTION, EQUIVALENCE, NEUTRAL, OUTPUTS, RELATIONS
from training.pair.scaling import Scaling, fit_scaling
from training.parity import ParityError, check_discriminator
from training.run import history
from training.serving import ServedDiscriminator

PAIRS = [
    ("The pump leaks.", "No pump leaks."),
    ("The door is open at night and the lamp is on.", "The door is not closed."),
    ("The boat is late.", "The boat may be late, and the train is early."),
    ("the boat is late and the train is not " * 5, "Few of the boats run."),
]
LENGTH = 40
SCALE = 12.0
WEIGHT, OFFSET = 0.25, 6.0


@pytest.fixture(scope="session")
def ranking_experiment(pair_experiment: PairConfig) -> PairConfig:
    """The same with a relevance output that learns."""
    folder = pair_experiment.output.with_name("model-ranking-pair")
    twins = {"twins": RankingKind(share=0.5, rows=4, near=1, far=1)}
    return replace(
        pair_experiment,
        name="tiny-ranking",
        output=folder,
        relevance=twins,
        similarity_scale=SCALE,
        relevance_weight=WEIGHT,
        relevance_offset=OFFSET,
    )


@pytest.fixture(scope="session")
def exported_ranker(ranking_experiment: PairConfig) -> Path:
    """The model folder of a run whose relevance was trained."""
    train.main(ranking_experiment)
    return export.main(ranking_experiment)


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
    by_relation = {f"f1_{name}" for name in RELATIONS}
    assert set(records[0]) == {"step", "macro_f1", "auc_cannot", "strangers", "joint", *by_relation}
    assert read(judge / "config.json")["id2label"] == dict(zip("01234", OUTPUTS, strict=True))


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
    expected = partial_label_loss(torch.tensor(logits_of(judge)[:, :4]), masks)
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize("scaling", [Scaling(), Scaling(1.7, (0.5, -0.5, 1.0, -1.0))])
def test_the_service_gives_the_cross_encoders_logits_scaled(
    judge: Path, pair_experiment: PairConfig, scaling: Scaling, tmp_path: Path
) -> None:
    export.write_folder(judge, tmp_path, scaling=scaling, config=pair_experiment)
    served = ServedDiscriminator(tmp_path)
    logits = served(PAIRS)
    assert logits.shape == (4, 4)
    np.testing.assert_allclose(logits, scaling.apply(logits_of(judge)[:, :4]), atol=0.01)
    # What is left is the rounding to half precision: the folder itself is computed exactly.
    np.testing.assert_allclose(logits, logits_of(tmp_path), atol=1e-5)
    for pair, row in zip(PAIRS, logits, strict=True):
        np.testing.assert_allclose(served([pair])[0], row, atol=1e-5)


def test_the_relevance_is_learnt_as_a_correction_of_the_cosine(judge: Path) -> None:
    model = CrossEncoder(str(judge), device="cpu", max_length=LENGTH)
    model.eval()
    columns = [["Is it open?", "Does it leak?"], ["It is open.", "No."], ["It leaks.", "It leaks."]]
    cosines = torch.tensor([[0.9, 0.1], [0.2, 0.8]])
    with torch.no_grad():
        loss = RelevanceLoss(model, SCALE)(columns, list(cosines))
        held = RelevanceLoss(model, SCALE, penalty=0.5)(columns, list(cosines))
        pairs = [(q, p) for column in columns[1:] for q, p in zip(columns[0], column, strict=True)]
        outputs = torch.tensor(model.predict(pairs, activation_fn=torch.nn.Identity()))[:, 4]
    corrections = outputs.view(2, 2).T
    torch.testing.assert_close(loss, relevance_loss(corrections + SCALE * cosines))
    spread = torch.tensor([np.var(row) for row in corrections.numpy()]).mean()
    assert spread > 0
    torch.testing.assert_close(held - loss, 0.5 * spread)


def test_a_contrast_is_learnt_from_both_of_its_queries_and_passages(judge: Path) -> None:
    model = CrossEncoder(str(judge), device="cpu", max_length=LENGTH)
    model.eval()
    rows = [
        Crossed("Is it open?", "Is it shut?", "It is open.", "It is not open."),
        Crossed("Does it leak?", "Is it dry?", "It leaks.", "It never leaks."),
    ]
    with torch.no_grad():
        loss = CrossedLoss(model)(
            [list(column) for column in zip(*map(astuple, rows), strict=True)]
        )

    def output(query: str, passage: str) -> float:
        return float(model.predict([(query, passage)], activation_fn=torch.nn.Identity())[0, 4])

    # The own match first: by each query, and by each passage.
    orders = [
        [output(*own), output(*other)]
        for row in rows
        for own, others in (
            ((row.query_a, row.doc_a), ((row.query_a, row.doc_b), (row.query_b, row.doc_a))),
            ((row.query_b, row.doc_b), ((row.query_b, row.doc_a), (row.query_a, row.doc_b))),
        )
        for other in others
    ]
    torch.testing.assert_close(loss, relevance_loss(torch.tensor(orders)))


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


def test_a_model_that_corrects_a_cosine_says_at_which_scale(
    exported_ranker: Path, exported_judge: Path
) -> None:
    assert read_pair(exported_ranker).similarity_scale == SCALE
    assert read_pair(exported_judge).similarity_scale == 0.0


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


def test_a_relevance_that_was_not_learnt_is_not_served(exported_judge: Path) -> None:
    served = ServedDiscriminator(exported_judge)
    assert not served.ranks
    assert served.outputs(PAIRS).shape == (4, 4)
    assert list(read(exported_judge / "config.json")["id2label"].values()) == list(RELATIONS)


def test_the_graph_gives_relations_and_relevance_apart(
    exported_ranker: Path, ranking_experiment: PairConfig
) -> None:
    outputs = onnx.load(exported_ranker / storage.GRAPH, load_external_data=False).graph.output
    widths = {output.name: output.type.tensor_type.shape.dim[1].dim_value for output in outputs}
    assert widths == {"logits": 4, "relevance": 1}
    served = ServedDiscriminator(exported_ranker)
    assert served.ranks
    assert served.spec.labels == RELATIONS
    whole = served.outputs(PAIRS)
    # What sentence-transformers makes of the folder, whose weights hold the calibration.
    np.testing.assert_allclose(whole, logits_of(exported_ranker), atol=1e-5)
    np.testing.assert_array_equal(served(PAIRS), whole[:, :4])
    # The calibration is of the relations alone.
    best = logits_of(ranking_experiment.folder / "best")
    np.testing.assert_allclose(whole[:, 4], WEIGHT * best[:, 4] - OFFSET, atol=0.01)
    scaled = scaling_of(exported_ranker).apply(best[:, :4])
    np.testing.assert_allclose(whole[:, :4], scaled, atol=0.01)
    assert set(read(exported_ranker / "config.json")["id2label"].values()) == set(OUTPUTS)


def test_the_relevance_of_a_long_passage_is_that_of_its_best_window(exported_ranker: Path) -> None:
    served = ServedDiscriminator(exported_ranker)
    short, long = (
        "The pump leaks.",
        "the boat is late and the train is not " * 9 + "The pump leaks.",
    )
    assert served.relevance([("pump", short)]) == pytest.approx(
        served.outputs([("pump", short)])[:, 4], abs=1e-5
    )
    windowed, *_ = served.relevance([("pump", long), ("pump", short)])
    cut = served.outputs([("pump", long)])[0, 4]
    assert windowed != pytest.approx(cut, abs=1e-5)


def test_a_relevance_that_drifted_fails_parity(
    exported_ranker: Path, ranking_experiment: PairConfig, tmp_path: Path
) -> None:
    scaling, best = scaling_of(exported_ranker), ranking_experiment.folder / "best"
    check = partial(
        check_discriminator, reference=best, scaling=scaling, relevance=(WEIGHT, OFFSET)
    )
    check(exported_ranker)
    copied = Path(shutil.copytree(exported_ranker, tmp_path / "copied"))
    onnx.save_model(onnx.load(copied / storage.GRAPH), copied / storage.GRAPH)
    weights = storage.read_half(copied)
    weights["classifier.bias"] += torch.tensor([0.0, 0.0, 0.0, 0.0, 1.0])
    storage.write_half(weights, copied)
    with pytest.raises(ParityError, match="alone_against_sentence_transformers: logits differ"):
        check(copied)


@pytest.mark.usefixtures("exported_ranker")
def test_a_checkpoint_without_the_relevance_that_its_run_names_is_refused(
    exported_judge: Path, ranking_experiment: PairConfig, tmp_path: Path
) -> None:
    # The exported folder of the other run is a checkpoint with four outputs.
    with pytest.raises(ValueError, match=r"outputs equivalence, .* and not .*relevance: train"):
        export.write_folder(exported_judge, tmp_path, scaling=Scaling(), config=ranking_experiment)


def test_a_checkpoint_of_four_outputs_is_exported_without_relevance(
    exported_judge: Path, pair_experiment: PairConfig, tmp_path: Path
) -> None:
    export.write_folder(exported_judge, tmp_path, scaling=Scaling(), config=pair_experiment)
    assert not ServedDiscriminator(tmp_path).ranks


@pytest.fixture
def nothing_near(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no encoder of ours lies; few passages are ranked."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(reranking, "DEPTH", 2)


@pytest.mark.usefixtures("nothing_near")
def test_the_figures_and_the_card_of_the_folder_come_from_its_files(
    exported_judge: Path, pair_experiment: PairConfig
) -> None:
    figures = evaluate.main(pair_experiment)
    assert read(exported_judge / "evaluation.json") == figures
    assert set(figures["contradiction_auc"]) == {"cannot/dev"}
    assert set(figures["contradiction_auc_baselines"]) == {"cosine_base", "cue_rule"}
    assert figures["contradiction_auc_baselines"]["cue_rule"]["cannot/dev"] > 0.5
    # Our encoder is not there, nor does the model rank.
    assert not {"cosine_litotes", "relevance", "reranking"}.intersection(figures)
    card = (exported_judge / "README.md").read_text()
    assert f"{100 * figures['discriminator']['macro_f1']:.1f}" in card
    assert f"{100 * figures['strangers']['discriminator']:.1f}" in card
    assert "(reliability.svg)" in card
    assert (exported_judge / "reliability.svg").exists()
    assert "rerank" not in card


@pytest.mark.usefixtures("nothing_near")
def test_a_model_that_ranks_has_figures_of_that_in_its_card(
    exported_ranker: Path, ranking_experiment: PairConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = evaluate.main(ranking_experiment)
    assert read(exported_ranker / "evaluation.json") == figures
    assert set(figures["relevance"]) == {"discriminator", "relevance_alone", "cosine_base"}
    assert figures["reranking"]["scale"] == SCALE
    table = figures["reranking"]["ndcg10"]
    assert set(table) == {"contrast", "exclusion", "exclusion_search", "medquad", "perspectives"}
    assert figures["reranking"]["best_scale"] in reranking.SCALES
    card = (exported_ranker / "README.md").read_text()
    for row in figures["relevance"].values():
        assert f"| {100 * row['contrast_wide']:.1f} |" in card
    for search in table.values():
        assert f"{100 * search['served']:.1f}" in card
    assert f"Scale of the cosine: {SCALE} as served" in capsys.readouterr().out


def test_a_run_goes_on_from_a_released_folder_with_its_history(
    exported_ranker: Path, ranking_experiment: PairConfig
) -> None:
    further = replace(ranking_experiment, name="tiny-further", start=[str(exported_ranker)])
    train.main(further)
    entries = history(further.folder)
    assert entries[:-1] == read(exported_ranker / "training.json")
    assert entries[-1]["config"]["name"] == "tiny-further"

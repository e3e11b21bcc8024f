"""Models whose heads read the tokens of both texts, from training to what the service runs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from sentence_transformers import CrossEncoder

from service.model_folder import read_pair
from training import storage
from training.pair import export, heads, train
from training.pair.config import PairConfig, RankingKind
from training.pair.heads import HEADS
from training.pair.relations import RELATIONS
from training.serving import ServedDiscriminator

PAIRS = [
    ("The pump leaks.", "No pump leaks."),
    ("The door is open at night and the lamp is on.", "The door is not closed."),
    ("the boat is late and the train is not " * 5, "Few of the boats run."),
]


@pytest.fixture(scope="module", params=HEADS)
def headed(request: pytest.FixtureRequest, pair_experiment: PairConfig) -> PairConfig:
    """An experiment with a head on the tokens, trained and exported; its parity was checked."""
    head = request.param
    config = replace(
        pair_experiment,
        name=f"tiny-{head}",
        output=pair_experiment.output.with_name(f"model-{head}-pair"),
        head=head,
        relevance={"twins": RankingKind(share=0.5, rows=4)},
        relevance_weight=0.5,
        relevance_offset=1.0,
    )
    train.main(config)
    export.main(config)
    return config


def test_the_service_reads_the_folder_as_any_other(headed: PairConfig) -> None:
    spec = read_pair(headed.output)
    assert spec.labels == RELATIONS
    assert spec.max_input_tokens == headed.max_length
    graph = onnx.load(headed.output / storage.GRAPH, load_external_data=False).graph
    assert {value.name for value in graph.input} == {
        "input_ids",
        "attention_mask",
        "token_type_ids",
    }
    widths = {value.name: value.type.tensor_type.shape.dim[1].dim_value for value in graph.output}
    assert widths == {"logits": 4, "relevance": 1}
    assert sum(len(tensor.raw_data) for tensor in graph.initializer) < 1000


def test_the_service_computes_what_the_cross_encoder_does(headed: PairConfig) -> None:
    served = ServedDiscriminator(headed.output)
    assert served.ranks
    outputs = served.outputs(PAIRS)
    model = CrossEncoder(
        str(headed.output), device="cpu", max_length=headed.max_length, trust_remote_code=True
    )
    np.testing.assert_allclose(outputs, model.predict(PAIRS), atol=1e-5)
    for pair, row in zip(PAIRS, outputs, strict=True):
        np.testing.assert_allclose(served.outputs([pair])[0], row, atol=1e-5)


def test_the_folder_says_which_head_it_has_and_holds_its_code(headed: PairConfig) -> None:
    config = json.loads((headed.output / "config.json").read_text())
    assert config["head"] == headed.head
    assert (headed.output / "heads.py").read_bytes() == Path(heads.__file__).read_bytes()


def test_calibration_and_weight_are_in_what_is_served(headed: PairConfig) -> None:
    best = CrossEncoder(
        str(headed.folder / "best"), device="cpu", max_length=headed.max_length
    ).predict(PAIRS)
    calibration = json.loads((headed.output / "calibration.json").read_text())
    biases = np.array(list(calibration["biases"].values()))
    outputs = ServedDiscriminator(headed.output).outputs(PAIRS)
    scaled = best[:, :4] / calibration["temperature"] + biases
    np.testing.assert_allclose(outputs[:, :4], scaled, atol=0.01)
    np.testing.assert_allclose(outputs[:, 4], 0.5 * best[:, 4] - 1.0, atol=0.01)


def test_without_rankings_the_relevance_is_left_out(headed: PairConfig) -> None:
    model = export.load(headed.folder / "best", relevance=False)
    assert model.classifier.out_features == 4
    assert tuple(model.config.id2label.values()) == RELATIONS

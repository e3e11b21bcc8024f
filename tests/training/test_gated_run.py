"""A run whose encoder has a gate, from the experiment to the folder that is served."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer

from service.vectors import TwoPart
from training import corpus, evaluate, export, gating, train, turning
from training.config import ExperimentConfig, ModelConfig
from training.evaluation.dial import COARSE
from training.evaluation.encoding import Vectors
from training.serving import ServedEncoder
from training.two_part import TwoPartEncoder

EXCLUSION_WEIGHT, TURN = 0.75, 0.4
OPENING = {"gate.opening.weight", "gate.opening.bias"}
DIRECTION = {f"gate.direction.{name}" for name in ("0.weight", "1.weight", "1.bias")}
GATE = OPENING | DIRECTION


@pytest.fixture(scope="module", autouse=True)
def few_texts() -> Iterator[None]:
    """Fit the gate to few of the texts, and its turn to few of the rows."""
    rows = corpus.exclusions("train")[:200]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gating, "EXCLUDING", 90)
        patch.setattr(gating, "OTHERS", 40)
        patch.setattr(turning, "corpus", SimpleNamespace(exclusions=lambda split: rows))
        yield


@pytest.fixture(scope="module")
def gated(
    best: Path, experiment: ExperimentConfig, tmp_path_factory: pytest.TempPathFactory
) -> ExperimentConfig:
    """No further steps from a checkpoint without a gate, and one put before it."""
    start = [str(best), str(best)]
    model = replace(
        shape(experiment), start=start, exclusion_weight=EXCLUSION_WEIGHT, exclusion_turn=TURN
    )
    training = replace(experiment.training, steps=0)
    output = tmp_path_factory.mktemp("gated") / "model"
    config = replace(experiment, name="gated", output=output, model=model, training=training)
    train.main(config)
    return config


@pytest.fixture(scope="module")
def served(gated: ExperimentConfig) -> ServedEncoder:
    """The exported folder, whose parity was checked."""
    return ServedEncoder(export.main(gated))


def shape(experiment: ExperimentConfig) -> ModelConfig:
    assert isinstance(experiment.model, ModelConfig)
    return experiment.model


def parts(served: ServedEncoder) -> TwoPart:
    assert served.spec.two_part is not None
    return served.spec.two_part


def weights_of(vectors: Vectors, general_dimensions: int) -> Vectors:
    found: Vectors = (vectors[:, general_dimensions:] ** 2).sum(axis=1)
    return found


def asked() -> list[str]:
    return [row.query for row in corpus.exclusions("dev")]


def told() -> list[str]:
    return [row.doc_a for row in corpus.contrasts("dev")]


def test_a_run_of_no_steps_fits_the_gate_and_leaves_the_other_weights(
    gated: ExperimentConfig, best: Path
) -> None:
    before = load_file(best / "model.safetensors")
    after = load_file(gated.folder / "best/model.safetensors")
    assert after.keys() - before.keys() == GATE
    assert all(torch.equal(after[name], weight) for name, weight in before.items())
    assert after["gate.opening.weight"].abs().max() > 0.1
    assert after["gate.direction.1.bias"].abs().max() > 0


def test_a_run_of_no_steps_is_measured_with_its_gate(gated: ExperimentConfig, best: Path) -> None:
    (record,) = map(json.loads, (gated.folder / "eval/dev.jsonl").read_text().splitlines())
    under = [weight for weight in COARSE if weight < EXCLUSION_WEIGHT]
    assert [float(weight) for weight in record["sweep"]] == under
    model = replace(shape(gated), exclusion_weight=None, exclusion_turn=0.0)
    plain = replace(gated, name="plain", model=model)
    train.main(plain)
    (even,) = map(json.loads, (plain.folder / "eval/dev.jsonl").read_text().splitlines())
    assert record["base"] == even["base"]
    assert record["sweep"]["0.3"] != even["sweep"]["0.3"]


def test_a_run_with_steps_ends_with_a_gate_that_is_fitted_to_its_weights(
    experiment: ExperimentConfig, tmp_path: Path
) -> None:
    model = replace(shape(experiment), exclusion_weight=EXCLUSION_WEIGHT)
    config = replace(experiment, runs=tmp_path, model=model)
    module = TwoPartEncoder.load(str(train.main(config))).eval()
    fitted = module.gate.opening.weight.clone()
    gating.fit_gate(SentenceTransformer(modules=[module], device="cpu"), config.seed)
    torch.testing.assert_close(module.gate.opening.weight, fitted, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("fusion", ["mean", "delta"])
def test_a_gated_checkpoint_may_start_a_run_without_a_gate_or_with_another(
    gated: ExperimentConfig, best: Path, fusion: str
) -> None:
    start = [str(gated.folder / "best"), str(best)]
    for exclusion_weight in (None, 0.9):
        model = replace(
            shape(gated),
            start=start,
            fusion=fusion,
            exclusion_weight=exclusion_weight,
            exclusion_turn=0.0,
        )
        module = train.build_model(replace(gated, model=model))[0]
        assert module.exclusion_weight == exclusion_weight
        state = module.state_dict()
        assert state.keys() & GATE == (OPENING if exclusion_weight else set())
        for name, weight in load_file(best / "model.safetensors").items():
            torch.testing.assert_close(state[name], weight)


@pytest.mark.parametrize("exclusion_weight", [0.5, 0.2, 1.0])
def test_an_exclusion_weight_that_cannot_be_is_refused_before_the_folder_is_taken(
    best: Path, experiment: ExperimentConfig, exclusion_weight: float
) -> None:
    for start in ([], [str(best)]):
        model = replace(shape(experiment), start=start, exclusion_weight=exclusion_weight)
        config = replace(experiment, name="misweighted", model=model)
        with pytest.raises(ValueError, match="exclusion_weight must lie between"):
            train.main(config)
        assert not config.folder.exists()


def test_the_folder_says_both_weights_and_each_text_has_its_own(served: ServedEncoder) -> None:
    two_part = parts(served)
    assert two_part.exclusion_weight == EXCLUSION_WEIGHT
    found = [weights_of(served(texts), two_part.general_dimensions) for texts in (asked(), told())]
    for weights in found:
        assert weights.min() > two_part.negation_weight - 1e-5
        assert weights.max() < EXCLUSION_WEIGHT + 1e-5
    assert found[0].mean() > found[1].mean()


def test_a_query_that_excludes_is_turned_in_the_folder_that_is_served(
    served: ServedEncoder, gated: ExperimentConfig
) -> None:
    module = TwoPartEncoder.load(str(gated.folder / "best")).eval()
    general_dimensions, gate = module.general_dimensions, module.gate
    plain = np.hstack(gating.parts_of(SentenceTransformer(modules=[module], device="cpu"))(asked()))
    general, polarity = torch.from_numpy(plain).split(general_dimensions, dim=1)
    opened = gate.opened(general, polarity)
    expected = gate.turned(general, polarity, opened).numpy()
    assert (expected * polarity.numpy()).sum(axis=1).min() < 0.99
    found = served(asked())[:, general_dimensions:]
    cosines = (found * expected).sum(axis=1) / np.linalg.norm(found, axis=1)
    assert cosines.min() > 0.999


def test_the_weight_is_chosen_among_those_under_the_exclusion_weight(
    served: ServedEncoder,
) -> None:
    choice = json.loads((served.spec.folder / "negation_weight.json").read_text())
    tried = [float(weight) for weight in choice["joint_score"]]
    assert tried == [weight for weight in export.WEIGHTS if weight < EXCLUSION_WEIGHT]
    assert choice["negation_weight"] == parts(served).negation_weight


def test_the_graph_computes_what_the_folders_code_does(served: ServedEncoder) -> None:
    loaded = SentenceTransformer(str(served.spec.folder), trust_remote_code=True, device="cpu")
    assert not isinstance(loaded[0], TwoPartEncoder)
    texts = [*asked()[:20], *told()[:20]]
    np.testing.assert_allclose(served(texts), loaded.encode(texts), atol=1e-4)


def test_the_ranges_are_of_vectors_of_one_weight_and_hold_those_of_all(
    served: ServedEncoder,
) -> None:
    two_part, ranges = parts(served), served.spec.calibration
    assert ranges is not None
    squares = ranges.mean_squares[two_part.general_dimensions :].sum()
    assert squares == pytest.approx(two_part.negation_weight, abs=1e-4)
    shared = ranges.adapt_to_each(None, two_part.scales(None)).shared()
    outside = np.abs(served([*asked(), *told()])) > shared.maxima[0]
    assert outside.mean() < 0.001


def test_the_evaluate_stage_measures_it_as_served_and_at_one_weight_of_all(
    served: ServedEncoder, gated: ExperimentConfig
) -> None:
    figures = evaluate.main(gated)
    # At weight 0 there is only the general part, which no gate weighs.
    assert figures["sweep"]["0.0"]["cannot_auc"] == figures["base"]["cannot_auc"]
    card = (served.spec.folder / "README.md").read_text()
    assert f"| exclusion weight | {EXCLUSION_WEIGHT} |" in card

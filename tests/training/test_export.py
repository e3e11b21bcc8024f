"""The exported encoder: its folder, its vectors, and what keeps a wrong one from being written."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer

from service.model_folder import read_encoder
from service.model_spec import EncoderSpec
from service.vectors import TwoPart
from service.weights import WEIGHTS
from training import evaluate, export, storage
from training.config import ExperimentConfig
from training.evaluation.metrics import Array
from training.parity import ParityError, check_encoder, sample_texts
from training.serving import ServedEncoder
from training.two_part import TwoPartEncoder

TEXTS = [
    "The pump leaks.",
    "The pump never leaks, and no valve was open at night.",
    "the boat is late and the train is not " * 9,
    "Only a few of the trains may be late.",
]


def lowest_cosine(first: Array, second: Array) -> float:
    dots = np.einsum("nd,nd->n", first, second)
    return float(np.min(dots / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)))


def read(path: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads(path.read_text())
    return content


def rewrite_weights(folder: Path) -> None:
    """Put other weights of the polarity part in the place of a folder's."""
    weights = storage.read_half(folder)
    torch.manual_seed(9)
    for name, weight in weights.items():
        if name.startswith("polarity.") and weight.dim() == 2:
            weights[name] = weight + torch.randn_like(weight)
    storage.write_half(weights, folder)


def put_weights_inside(folder: Path) -> None:
    """Let the graph hold the weights that it points at, so that it no longer follows the file."""
    graph = onnx.load(folder / storage.GRAPH)
    onnx.save_model(graph, folder / storage.GRAPH, save_as_external_data=False)


def parts(spec: EncoderSpec) -> TwoPart:
    assert spec.two_part is not None
    return spec.two_part


@pytest.fixture
def copied(exported: Path, tmp_path: Path) -> Path:
    """A copy of the exported folder, to be spoilt."""
    return Path(shutil.copytree(exported, tmp_path / "copied"))


def test_the_graph_holds_no_weights(exported: Path) -> None:
    graph = onnx.load(exported / storage.GRAPH, load_external_data=False).graph
    inside = sum(len(tensor.raw_data) for tensor in graph.initializer)
    assert inside < 1000
    # Everything that the graph computes with is in the file, and all of it in half precision.
    outside = [tensor for tensor in graph.initializer if tensor.external_data]
    assert {tensor.data_type for tensor in outside} == {onnx.TensorProto.FLOAT16}
    stored = load_file(exported / WEIGHTS)
    assert {weight.dtype for weight in stored.values()} == {torch.float16}
    names = [tensor.name.removesuffix(".half") for tensor in outside]
    used = {name: stored[name] for name in names}
    for name in stored.keys() - used.keys():
        # The exporter keeps one of several equal tensors, such as biases that are still zero.
        assert any(torch.equal(stored[name], weight) for weight in used.values()), name


def test_a_larger_vocabulary_makes_the_weights_larger_and_not_the_graph(
    encoder: TwoPartEncoder, exported: Path, tmp_path: Path
) -> None:
    sizes = {}
    for name, rows in (("small", 60), ("large", 6000)):
        folder = tmp_path / name
        folder.mkdir()
        encoder.bert.vocab_size = rows
        encoder.embeddings.word_embeddings = torch.nn.Embedding(rows, 32, padding_idx=0)
        export.write_folder(encoder, folder)
        sizes[name] = [(folder / file).stat().st_size for file in (storage.GRAPH, WEIGHTS)]
    assert sizes["large"][1] - sizes["small"][1] == pytest.approx(5940 * 32 * 2, rel=0.01)
    assert abs(sizes["large"][0] - sizes["small"][0]) < 100


def test_the_service_computes_what_was_trained(exported: Path, best: Path) -> None:
    served = ServedEncoder(exported)
    trained = SentenceTransformer(str(best), trust_remote_code=True, device="cpu")
    trained[0].negation_weight = parts(served.spec).negation_weight
    vectors = served(TEXTS)
    assert vectors.shape == (4, 32 + 16)
    assert lowest_cosine(vectors, trained.encode(TEXTS)) > 0.9999
    for text, vector in zip(TEXTS, vectors, strict=True):
        np.testing.assert_allclose(served([text])[0], vector, atol=1e-5)


def test_sentence_transformers_loads_the_folder_with_the_code_inside_it(exported: Path) -> None:
    model = SentenceTransformer(str(exported), trust_remote_code=True, device="cpu")
    assert not isinstance(model[0], TwoPartEncoder)
    assert model.max_seq_length == 24
    assert lowest_cosine(model.encode(TEXTS), ServedEncoder(exported)(TEXTS)) > 0.9999


def test_the_folder_says_what_the_service_needs(
    exported: Path, experiment: ExperimentConfig
) -> None:
    spec = read_encoder(exported, "tiny", None)
    assert spec.max_input_tokens == experiment.model.max_seq_length
    assert (parts(spec).general_dimensions, parts(spec).polarity_dimensions) == (32, 16)
    choice = read(exported / "negation_weight.json")
    assert parts(spec).negation_weight == choice["negation_weight"]


def test_the_tokenizer_is_the_checkpoints_without_its_indentation(
    exported: Path, best: Path
) -> None:
    written = (exported / "tokenizer.json").read_text(encoding="utf-8")
    assert json.loads(written) == json.loads((best / "tokenizer.json").read_text(encoding="utf-8"))
    assert written.count("\n") == 1


def test_the_weight_that_is_served_is_the_best_by_the_joint_figure(exported: Path) -> None:
    choice = read(exported / "negation_weight.json")
    scores = choice["joint_score"]
    assert isinstance(scores, dict)
    assert [float(weight) for weight in scores] == list(export.WEIGHTS)
    assert scores[str(choice["negation_weight"])] == max(scores.values())


def test_the_folder_keeps_the_records_of_its_training(
    exported: Path, experiment: ExperimentConfig
) -> None:
    (run,) = json.loads((exported / "training.json").read_text())
    assert run["config"] == read(experiment.folder / "config.json")
    assert [record["step"] for record in run["dev"]] == [5, 10]
    parity = read(exported / "parity.json")
    assert parity.pop("texts") == len(sample_texts())
    assert all(0.9999 <= float(str(cosine)) < 1.001 for cosine in parity.values())


def test_the_figures_and_the_card_of_the_folder_come_from_its_files(
    exported: Path, experiment: ExperimentConfig
) -> None:
    figures = evaluate.main(experiment)
    assert read(exported / "evaluation.json") == figures
    # At weight 0 there is only the general part, which is the base encoder's.
    assert figures["sweep"]["0.0"]["stsb_spearman"] == figures["base"]["stsb_spearman"]
    assert figures["sweep"]["0.0"]["cannot_auc"] == figures["base"]["cannot_auc"]
    card = (exported / "README.md").read_text()
    assert f"{100 * figures['litotes']['contrast']:.1f}" in card


def test_a_new_export_replaces_its_files_and_keeps_those_of_other_stages(tmp_path: Path) -> None:
    staged, output = tmp_path / "staged", tmp_path / "models/tiny"
    staged.mkdir()
    for content in ("old", "new"):
        (staged / storage.GRAPH).write_text(content)
        export.install(staged, output)
        (output / f"{content}.json").write_text("{}")
    assert (output / storage.GRAPH).read_text() == "new"
    assert {path.name for path in output.iterdir()} == {storage.GRAPH, "old.json", "new.json"}


def test_there_is_nothing_to_export_before_training(experiment: ExperimentConfig) -> None:
    with pytest.raises(FileNotFoundError, match="untrained/best does not exist: train first"):
        export.main(replace(experiment, name="untrained"))


@pytest.mark.parametrize(
    ("pooling", "phrases"),
    [("anchor-tokens", []), ("mean", ["not", "never"]), ("anchor-tokens", ["not", "never"])],
)
def test_the_service_pools_and_binds_as_the_encoder_does(
    pooling: str, phrases: list[str], encoder: TwoPartEncoder, tmp_path: Path
) -> None:
    encoder.pooling = pooling
    encoder.bind_cues(phrases)
    # Equal layers would be stored once, under the name of either part.
    torch.manual_seed(5)
    with torch.no_grad():
        for weight in encoder.polarity.parameters():
            weight.add_(torch.randn_like(weight), alpha=0.05)
    export.write_folder(encoder, tmp_path)
    served = ServedEncoder(tmp_path)
    loaded = SentenceTransformer(str(tmp_path), trust_remote_code=True, device="cpu")
    assert not isinstance(loaded[0], TwoPartEncoder)
    assert loaded[0].pooling == pooling
    assert lowest_cosine(served(TEXTS), loaded.encode(TEXTS)) > 0.9999
    for text, vector in zip(TEXTS, served(TEXTS), strict=True):
        np.testing.assert_allclose(served([text])[0], vector, atol=1e-5)
    encoder.pooling = "mean"
    encoder.bind_cues([])
    plain = SentenceTransformer(modules=[encoder], device="cpu").encode(TEXTS)
    differ = np.abs(served(TEXTS) - plain).max(axis=1)
    assert differ.max() > 5e-3, "the options change the vectors"


def test_a_checkpoint_beyond_half_precision_leaves_no_folder(
    best: Path, experiment: ExperimentConfig, tmp_path: Path
) -> None:
    config = replace(experiment, runs=tmp_path / "runs", output=tmp_path / "model")
    shutil.copytree(best, config.folder / "best")
    weights = load_file(config.folder / "best" / WEIGHTS)
    weights["projection.weight"][0, 0] = 1e6
    save_file(weights, config.folder / "best" / WEIGHTS)
    with pytest.raises(ValueError, match=r"projection\.weight does not fit half precision"):
        export.main(config)
    assert not config.output.exists()


def test_parity_is_looked_at_from_one_word_to_more_than_the_model_reads(exported: Path) -> None:
    lengths = sorted(len(text.split()) for text in sample_texts())
    assert lengths[0] == 1
    assert lengths[-1] > read_encoder(exported, "tiny", None).max_input_tokens


def test_parity_holds_for_the_exported_folder(exported: Path, best: Path) -> None:
    report = check_encoder(exported, reference=best)
    assert min(report.values()) >= 0.9999


def test_weights_that_were_not_trained_fail_parity(copied: Path, best: Path) -> None:
    rewrite_weights(copied)
    with pytest.raises(ParityError, match="half_precision_against_checkpoint: cosine"):
        check_encoder(copied, reference=best)


def test_a_graph_that_does_not_follow_its_weights_fails_parity(copied: Path, best: Path) -> None:
    put_weights_inside(copied)
    check_encoder(copied, reference=best)
    rewrite_weights(copied)
    with pytest.raises(ParityError, match="alone_against_sentence_transformers: cosine"):
        check_encoder(copied, reference=best)

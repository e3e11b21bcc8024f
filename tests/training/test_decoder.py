"""A decoder language model as an encoder: trained, merged, exported and served."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from decoders import INSTRUCTION, TEXTS, experiment, write_corpus, write_decoder
from optimum.exporters.onnx import main_export
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from serving import serving
from transformers import AutoModel, AutoTokenizer

from service.settings import Settings
from training import corpus, export, train
from training.config import ExperimentConfig
from training.decoder.config import DecoderConfig
from training.decoder.encoder import AdaptedEncoder, build
from training.evaluation import tasks
from training.evaluation.encoding import Remembered, Vectors, unit
from training.evaluation.joint import JointEvaluator
from training.serving import ServedEncoder

pytestmark = [
    # transformers, sentence-transformers and torch on their own code, while Optimum traces it.
    pytest.mark.filterwarnings("ignore:Converting a tensor to a Python:torch.jit.TracerWarning"),
    pytest.mark.filterwarnings("ignore:Exporting aten..index:UserWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def small_corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpus, "DATA", write_corpus(tmp_path_factory.mktemp("corpus")))
        yield


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_decoder(tmp_path_factory.mktemp("decoder"))


@pytest.fixture(scope="module")
def config(base: Path, tmp_path_factory: pytest.TempPathFactory) -> ExperimentConfig:
    return experiment(base, tmp_path_factory.mktemp("experiment"))


@pytest.fixture(scope="module")
def best(config: ExperimentConfig) -> Path:
    return train.main(config)


@pytest.fixture(scope="module")
def exported(best: Path, config: ExperimentConfig) -> Path:
    return export.main(config)


def shape(base: Path, **changes: object) -> DecoderConfig:
    return DecoderConfig(base=str(base), max_seq_length=48, **changes)


def stir(model: AdaptedEncoder) -> None:
    """Have the adapter change something, as training would."""
    torch.manual_seed(1)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight)


@pytest.mark.parametrize("pooling", ["lasttoken", "mean"])
def test_a_fresh_encoder_gives_what_the_decoder_itself_gives(base: Path, pooling: str) -> None:
    vectors = build(shape(base, pooling=pooling)).encode(TEXTS)
    decoder, tokenizer = AutoModel.from_pretrained(base), AutoTokenizer.from_pretrained(base)
    for text, vector in zip(TEXTS, vectors, strict=True):
        ids = tokenizer(text)["input_ids"]
        ids = [*ids[:47], tokenizer.eos_token_id] if pooling == "lasttoken" else ids[:48]
        with torch.no_grad():
            hidden = decoder(torch.tensor([ids])).last_hidden_state[0].numpy()
        pooled = hidden[-1] if pooling == "lasttoken" else hidden.mean(axis=0)
        np.testing.assert_allclose(vector, pooled / np.linalg.norm(pooled), atol=1e-5)


def test_in_training_the_base_is_told_beside_what_learns(base: Path) -> None:
    model = build(shape(base))
    features = model.preprocess(TEXTS)
    untouched = model.encode(TEXTS)
    stir(model)
    moved = model.encode(TEXTS)
    model.train()
    output = model(features)
    np.testing.assert_allclose(output["general"].numpy(), untouched, atol=1e-5)
    np.testing.assert_allclose(output["polarity"].detach().numpy(), moved, atol=1e-5)
    assert np.abs(moved - untouched).max() > 0.1
    output["polarity"].sum().backward()
    learning = {name for name, weight in model.named_parameters() if weight.grad is not None}
    assert learning == {name for name, _ in model.named_parameters() if "lora_" in name}


def test_a_saved_adapter_is_read_by_sentence_transformers_alone(base: Path, tmp_path: Path) -> None:
    model = build(shape(base, query_instruction=INSTRUCTION))
    stir(model)
    model.save(str(tmp_path / "adapter"))
    read = SentenceTransformer(str(tmp_path / "adapter"), device="cpu")
    np.testing.assert_allclose(read.encode(TEXTS), model.encode(TEXTS), atol=1e-6)
    assert read.prompts["query"] == INSTRUCTION
    assert not (tmp_path / "adapter/model.safetensors").exists()


def test_a_run_learns_and_is_chosen_by_the_joint_figure(
    best: Path, config: ExperimentConfig
) -> None:
    lines = (config.folder / "eval/dev.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    assert [record["step"] for record in records] == [16, 32]
    evaluator = JointEvaluator(config.training.floors, bf16=False)
    fresh = train.build_model(config)
    evaluator.keep_base(fresh)
    start = evaluator(fresh)
    for record in records:
        assert list(record["sweep"]) == ["1.0"]
        assert set(record["base"]) == set(config.training.floors)
        assert record["base"]["stsb_spearman"] == pytest.approx(start["stsb_spearman"], abs=0.05)
    summary = json.loads((config.folder / "train.json").read_text())
    assert summary["best_joint"] == max(record["joint"] for record in records)
    assert summary["best_joint"] > start["joint"] + 0.03
    (chosen,) = best.glob("*.safetensors")
    checkpoint = config.folder / f"checkpoint-{summary['best_step']}"
    left, right = load_file(chosen), load_file(checkpoint / chosen.name)
    assert all(torch.equal(left[name], right[name]) for name in left)


def test_a_run_that_was_stopped_ends_as_one_that_was_not(
    best: Path, config: ExperimentConfig
) -> None:
    stopped = replace(config, name="stopped")
    shutil.copytree(config.folder, stopped.folder)
    for gone in ("checkpoint-32", "best"):
        shutil.rmtree(stopped.folder / gone)
    for gone in ("config.json", "train.json", "eval/dev.jsonl"):
        (stopped.folder / gone).unlink()
    again = load_file(train.main(stopped) / "adapter_model.safetensors")
    whole = load_file(best / "adapter_model.safetensors")
    assert again.keys() == whole.keys()
    assert all(torch.equal(again[name], whole[name]) for name in whole)


def test_the_export_has_no_adapter_and_computes_what_was_trained(
    exported: Path, best: Path, base: Path
) -> None:
    files = {path.name for path in exported.iterdir()}
    assert not any("adapter" in name for name in files)
    trained = SentenceTransformer(str(best), device="cpu").encode(TEXTS)
    merged = SentenceTransformer(str(exported), device="cpu").encode(TEXTS)
    served = ServedEncoder(exported)(TEXTS)
    np.testing.assert_allclose(served, merged, atol=1e-5)
    assert (served * trained).sum(axis=1).min() > 0.9999
    start = build(shape(base)).encode(TEXTS)
    assert (served * start).sum(axis=1).min() < 0.999, "the adapter has learnt something"
    parity = json.loads((exported / "parity.json").read_text())
    assert parity.pop("texts") == 52
    assert min(parity.values()) > 0.9999


def test_the_service_serves_it_with_the_instruction_as_the_query_prompt(
    exported: Path,
) -> None:
    model = SentenceTransformer(str(exported), device="cpu")
    settings = Settings(
        model=exported,
        pair_model=None,
        device="cpu",
        intra_op_num_threads=1,
        token_encoding="litotes_tiny",
    )
    with serving(settings) as url, httpx.Client(base_url=url) as client:
        for name, prompt in (("query", INSTRUCTION), (None, "")):
            body = {"inputs": TEXTS, "prompt_name": name, "truncate": True}
            answer = client.post("/embed", json=body)
            assert answer.status_code == 200, answer.text
            expected = model.encode(TEXTS, prompt=prompt)
            np.testing.assert_allclose(answer.json(), expected, atol=1e-4)


@pytest.mark.parametrize("pooling", ["lasttoken", "mean"])
def test_the_service_serves_the_graph_that_optimum_makes_of_any_decoder(
    base: Path, tmp_path: Path, pooling: str
) -> None:
    main_export(str(base), tmp_path / "onnx", task="feature-extraction", do_validation=False)
    transformer = Transformer(str(base))
    modules = [transformer, Pooling(transformer.get_embedding_dimension(), pooling)]
    model = SentenceTransformer(modules=modules, device="cpu")
    model.save(str(tmp_path))
    served = ServedEncoder(tmp_path)
    np.testing.assert_allclose(served(TEXTS), unit(model.encode(TEXTS)), atol=1e-4)


def test_queries_alone_get_the_instruction() -> None:
    seen: list[str] = []

    def encode(texts: Sequence[str]) -> Vectors:
        seen.extend(texts)
        return np.ones((len(texts), 2), dtype=np.float32)

    rows = corpus.exclusions("dev")
    for task in (tasks.exclusion, tasks.exclusion_ndcg):
        seen.clear()
        task(Remembered(encode, INSTRUCTION))
        asked = {text for text in seen if text.startswith(INSTRUCTION)}
        assert asked == {INSTRUCTION + row.query for row in rows}
        assert set(seen) - asked == {
            text for row in rows for text in (*row.relevant, *row.violating)
        }


def test_training_puts_the_instruction_before_the_columns_of_queries(
    config: ExperimentConfig,
) -> None:
    datasets = train.draw_datasets(config)
    prompts = train.arguments(config, datasets, bf16=False).prompts
    assert isinstance(prompts, dict)
    assert set(prompts.values()) == {INSTRUCTION}
    found = {name for dataset in datasets.values() for name in dataset.column_names}
    assert {name for name in found if "query" in name} == {"query_a", "query_b", "query"}
    assert found & set(prompts) == {"query_a", "query_b", "query"}
    plain = replace(config, model=replace(config.model, query_instruction=""))
    assert train.arguments(plain, datasets, bf16=False).prompts is None


def without_padding(folder: Path) -> None:
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text())
    del settings["pad_token"]
    path.write_text(json.dumps(settings))
    (folder / "special_tokens_map.json").unlink()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, r"decoder\.pad_token: the tokenizer of .* has no padding token: name one of its"),
        ({"pad_token": "<nothing>"}, r"decoder\.pad_token: .* has no token '<nothing>'"),
        (
            {"pad_token": "<|endoftext|>", "lora_targets": ["q_proj", "query"]},
            r"decoder\.lora_targets: .* has no linear layer query; it has down_proj, .*, v_proj",
        ),
    ],
)
def test_a_decoder_that_does_not_fit_is_told_in_one_line_and_takes_no_folder(
    base: Path, config: ExperimentConfig, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    spoilt = Path(shutil.copytree(base, tmp_path / "spoilt"))
    without_padding(spoilt)
    run = replace(config, runs=tmp_path, model=shape(spoilt, **changes))
    with pytest.raises(ValueError, match=message) as failure:
        train.main(run)
    assert "\n" not in str(failure.value)
    assert not run.folder.exists()


def test_a_token_of_the_vocabulary_may_be_the_padding(base: Path, tmp_path: Path) -> None:
    spoilt = Path(shutil.copytree(base, tmp_path / "spoilt"))
    without_padding(spoilt)
    padded = build(shape(spoilt, pad_token="<|endoftext|>"))
    np.testing.assert_allclose(padded.encode(TEXTS), build(shape(base)).encode(TEXTS), atol=1e-5)

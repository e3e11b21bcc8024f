"""What a model folder says, and what is wrong with one that says too little."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tiny_models import (
    EXCLUSION_WEIGHT,
    GENERAL,
    MAX_TOKENS,
    POLARITY,
    PROMPTS,
    RELATIONS,
    THRESHOLD,
    WEIGHT,
)

from service.errors import StartupError
from service.model_folder import CALIBRATION, read_encoder, read_pair
from service.model_spec import EncoderSpec
from service.vectors import TwoPart


@pytest.fixture
def folder(encoder_folder: Path, tmp_path: Path) -> Path:
    """A copy of the encoder's folder, to spoil."""
    return Path(shutil.copytree(encoder_folder, tmp_path / "copy"))


def read(folder: Path, maximum: int | None = None) -> EncoderSpec:
    return read_encoder(folder, "name", maximum)


def change(path: Path, **values: object) -> None:
    content = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(content | values))


def test_an_ordinary_encoder_is_read(encoder_folder: Path) -> None:
    spec = read(encoder_folder)
    assert (spec.name, spec.pooling, spec.two_part) == ("name", "mean", None)
    assert (spec.max_input_tokens, spec.pad_token_id) == (MAX_TOKENS, 0)
    assert (spec.prompts, spec.default_prompt_name) == (PROMPTS, None)


def test_a_two_part_encoder_is_read(two_part_folder: Path) -> None:
    spec = read(two_part_folder)
    assert (spec.pooling, spec.prompts) == (None, {})
    assert spec.two_part == TwoPart(GENERAL, POLARITY, WEIGHT)


def test_a_two_part_encoder_with_a_gate_is_read(gated_folder: Path) -> None:
    assert read(gated_folder).two_part == TwoPart(GENERAL, POLARITY, WEIGHT, EXCLUSION_WEIGHT)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("0.9", r"two_part_config\.json: exclusion_weight is no number"),
        ([0.9], r"two_part_config\.json: exclusion_weight is no number"),
        (WEIGHT, "exclusion_weight must be over its negation_weight"),
        (1, "exclusion_weight must be over its negation_weight"),
        (True, "exclusion_weight must be over its negation_weight"),
    ],
)
def test_an_exclusion_weight_that_is_none_is_refused(
    gated_folder: Path, tmp_path: Path, value: object, words: str
) -> None:
    folder = Path(shutil.copytree(gated_folder, tmp_path / "copy"))
    change(folder / "two_part_config.json", exclusion_weight=value)
    with pytest.raises(StartupError, match=words):
        read(folder)


def test_no_exclusion_weight_may_be_said_in_words(gated_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(gated_folder, tmp_path / "copy"))
    change(folder / "two_part_config.json", exclusion_weight=None)
    assert read(folder).two_part == TwoPart(GENERAL, POLARITY, WEIGHT)


def test_a_pair_discriminator_is_read(pair_folder: Path) -> None:
    spec = read_pair(pair_folder)
    assert spec.labels == tuple(RELATIONS)
    assert (spec.abstention_threshold, spec.max_input_tokens) == (THRESHOLD, MAX_TOKENS)


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        ({"pooling_mode": "mean"}, "mean"),
        ({"pooling_mode": "cls", "include_prompt": True}, "cls"),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode": "lasttoken"}, "lasttoken"),
        ({"pooling_mode_lasttoken": True, "pooling_mode_mean_tokens": False}, "lasttoken"),
    ],
)
def test_older_and_newer_pooling_configurations_are_read(
    folder: Path, config: dict[str, object], pooling: str
) -> None:
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(config))
    assert read(folder).pooling == pooling


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"pooling_mode": "weightedmean"}, "pooling weightedmean"),
        ({"pooling_mode_max_tokens": True, "pooling_mode_mean_tokens": True}, "max_tokens"),
        ({}, "pooling"),
        ({"pooling_mode": "mean", "include_prompt": False}, "without the prompt"),
    ],
)
def test_a_pooling_we_do_not_have_is_named(
    folder: Path, config: dict[str, object], words: str
) -> None:
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(config))
    with pytest.raises(StartupError, match=words):
        read(folder)


def test_a_module_we_do_not_have_is_named(folder: Path) -> None:
    modules = json.loads((folder / "modules.json").read_text())
    modules.append({"idx": 3, "name": "3", "path": "3_Dense", "type": "some.models.Dense"})
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(StartupError, match=r"some\.models\.Dense"):
        read(folder)


@pytest.mark.parametrize("content", ["{}", "[1]", '[{"type": 1, "path": ""}]', "[]"])
def test_modules_must_be_a_list_of_modules(folder: Path, content: str) -> None:
    (folder / "modules.json").write_text(content)
    with pytest.raises(StartupError, match=r"modules\.json"):
        read(folder)


@pytest.mark.parametrize("name", ["config.json", "modules.json", "1_Pooling/config.json"])
@pytest.mark.parametrize("content", [None, "{", "3"])
def test_a_file_that_is_missing_or_broken_is_named(
    folder: Path, name: str, content: str | None
) -> None:
    path = folder / name
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(StartupError, match=path.name):
        read(folder)


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="absent does not exist"):
        read(tmp_path / "absent")


def test_the_least_of_the_stated_maxima_counts(folder: Path) -> None:
    change(folder / "tokenizer_config.json", model_max_length=10**30)
    assert read(folder).max_input_tokens == MAX_TOKENS
    change(folder / "tokenizer_config.json", model_max_length=24)
    assert read(folder).max_input_tokens == 24
    change(folder / "sentence_bert_config.json", max_seq_length=20)
    assert read(folder).max_input_tokens == 20
    assert read(folder, 16).max_input_tokens == 16


def test_a_maximum_over_the_models_own_is_refused(folder: Path) -> None:
    with pytest.raises(StartupError, match="max_input_tokens 33"):
        read(folder, MAX_TOKENS + 1)


def test_positions_that_start_after_the_padding_id_are_fewer(folder: Path) -> None:
    change(folder / "config.json", model_type="xlm-roberta", pad_token_id=1)
    assert read(folder).max_input_tokens == MAX_TOKENS - 2


def test_a_default_prompt_must_be_one_of_the_prompts(folder: Path) -> None:
    path = folder / "config_sentence_transformers.json"
    change(path, default_prompt_name="query")
    assert read(folder).default_prompt_name == "query"
    change(path, default_prompt_name="other")
    with pytest.raises(StartupError, match="'other'"):
        read(folder)


def test_a_folder_without_prompts_has_none(folder: Path) -> None:
    (folder / "config_sentence_transformers.json").unlink()
    assert read(folder).prompts == {}


def test_the_graph_is_the_half_precision_one_only_where_it_is_wanted(folder: Path) -> None:
    spec = read(folder)
    assert spec.find_graph(half_precision=True) == folder / "onnx" / "model.onnx"
    shutil.copy(folder / "onnx" / "model.onnx", folder / "model_fp16.onnx")
    assert spec.find_graph(half_precision=True) == folder / "model_fp16.onnx"
    assert spec.find_graph(half_precision=False) == folder / "onnx" / "model.onnx"


def test_a_folder_without_a_graph_says_what_was_looked_for(folder: Path) -> None:
    shutil.rmtree(folder / "onnx")
    with pytest.raises(StartupError, match=r"onnx/model\.onnx, model\.onnx"):
        read(folder).find_graph(half_precision=False)


def test_the_calibration_is_read_where_there_is_one(folder: Path) -> None:
    assert read(folder).calibration is None
    values = {"minima": [-0.5, 0], "maxima": [0.5, 1], "mean_squares": [0.25, 0.75], "texts": 9}
    change(folder / CALIBRATION, **values)
    calibration = read(folder).calibration
    assert calibration is not None
    assert calibration.maxima.tolist() == [0.5, 1]


@pytest.mark.parametrize(
    "values", [{}, {"minima": "low"}, {"minima": [None], "maxima": [1], "mean_squares": [1]}]
)
def test_a_calibration_that_is_none_is_refused(folder: Path, values: dict[str, object]) -> None:
    change(folder / CALIBRATION, **values)
    with pytest.raises(StartupError, match=r"calibration_ranges\.json is wrong"):
        read(folder)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"id2label": {"0": "entailment", "1": "neutral"}}, "id2label"),
        ({"id2label": {f"LABEL_{name}": name for name in RELATIONS}}, r"copy: .*id2label"),
        ({"id2label": dict(zip("1234", RELATIONS, strict=True))}, r"copy: .*id2label"),
        ({"id2label": dict(zip("01234", [*RELATIONS, "score"], strict=True))}, "'relevance'"),
        ({"id2label": dict(zip("01234", ["relevance", *RELATIONS], strict=True))}, "id2label"),
        ({"id2label": dict(zip("0123", [*RELATIONS[:3], None], strict=True))}, "id2label"),
        ({"litotes": {}}, "abstention_threshold"),
        ({"litotes": None}, "abstention_threshold"),
        ({"litotes": {"abstention_threshold": 0.4, "similarity_scale": "20"}}, "similarity_scale"),
        ({"litotes": {"abstention_threshold": 0.4, "similarity_scale": -1}}, "similarity_scale"),
    ],
)
def test_a_discriminator_must_know_our_relations(
    pair_folder: Path, tmp_path: Path, values: dict[str, object], words: str
) -> None:
    folder = Path(shutil.copytree(pair_folder, tmp_path / "copy"))
    change(folder / "config.json", **values)
    with pytest.raises(StartupError, match=words):
        read_pair(folder)


def test_a_pair_model_may_tell_the_relevance_as_well(pair_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(pair_folder, tmp_path / "copy"))
    labels = [*reversed(RELATIONS), "relevance"]
    change(folder / "config.json", id2label=dict(zip("01234", labels, strict=True)))
    assert read_pair(folder).labels == tuple(reversed(RELATIONS))

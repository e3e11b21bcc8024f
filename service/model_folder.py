"""Reads a model folder: the one place that says what a model is.

An encoder's folder has the sentence-transformers layout, a discriminator's that of a transformers
sequence classifier; both hold an ONNX graph beside it. Nothing is loaded here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from service.errors import StartupError
from service.model_spec import EncoderSpec, PairSpec
from service.pooling import Pooling
from service.quantization import CalibrationRanges
from service.vectors import TwoPart

CALIBRATION = "calibration_ranges.json"
RELATIONS = frozenset({"equivalence", "contradiction", "hedge", "neutral"})
# Label and graph output of a pair model that also ranks: one logit a pair of a query and a passage.
RELEVANCE = "relevance"

# Their position ids start after the padding id, so that many positions are never used.
_OFFSET_POSITIONS = frozenset({"roberta", "xlm-roberta", "camembert", "mpnet"})
# The files, beside config.json, that may say how long a text may be.
_STATED_MAXIMA = (
    ("sentence_bert_config.json", "max_seq_length"),
    ("tokenizer_config.json", "model_max_length"),
)

# The plain names are those of newer folders, the longer ones end the older folders' flags.
_POOLINGS: dict[str, Pooling] = {
    "mean": "mean",
    "mean_tokens": "mean",
    "cls": "cls",
    "cls_token": "cls",
    "lasttoken": "lasttoken",
}


def read_encoder(folder: Path, name: str, max_input_tokens: int | None) -> EncoderSpec:
    """Read an encoder's folder.

    Args:
        folder: The sentence-transformers folder.
        name: What to serve it as.
        max_input_tokens: A maximum under the model's own; None takes the model's.

    Raises:
        StartupError: The folder is not there, not complete, or needs what we do not have.
    """
    config = _read_object(folder / "config.json")
    pooling, two_part = _read_modules(folder)
    prompts, default_prompt_name = _read_prompts(folder)
    own_maximum = _own_maximum(folder, config)
    if max_input_tokens is not None and max_input_tokens > own_maximum:
        raise StartupError(
            f"max_input_tokens {max_input_tokens} is more than {folder} reads ({own_maximum})"
        )
    return EncoderSpec(
        folder=folder,
        name=name,
        model_type=str(config.get("model_type") or ""),
        max_input_tokens=max_input_tokens or own_maximum,
        pad_token_id=config.get("pad_token_id") or 0,
        pooling=pooling,
        prompts=prompts,
        default_prompt_name=default_prompt_name,
        two_part=two_part,
        calibration=_read_calibration(folder),
    )


def read_pair(folder: Path) -> PairSpec:
    """Read a pair discriminator's folder.

    Raises:
        StartupError: The folder is not there, not complete, or knows other relations than ours.
    """
    config = _read_object(folder / "config.json")
    relations = _read_relations(folder, config)
    ours = config.get("litotes")
    if not isinstance(ours, dict) or not isinstance(ours.get("abstention_threshold"), int | float):
        raise StartupError(f"{folder}: config.json has no litotes.abstention_threshold")
    maximum = _positions(config)
    return PairSpec(
        folder=folder,
        name=folder.resolve().name,
        model_type=str(config.get("model_type") or ""),
        max_input_tokens=min(ours.get("max_length") or maximum, maximum),
        pad_token_id=config.get("pad_token_id") or 0,
        labels=relations,
        abstention_threshold=float(ours["abstention_threshold"]),
        similarity_scale=_read_scale(folder, ours),
    )


def _read_scale(folder: Path, ours: Mapping[str, Any]) -> float:
    scale = ours.get("similarity_scale", 0.0)
    if not isinstance(scale, int | float) or not 0 <= scale < math.inf:
        raise StartupError(f"{folder}: config.json's litotes.similarity_scale is no number from 0")
    return float(scale)


def _read_relations(folder: Path, config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the relations in the order of the logits; behind them may stand the relevance."""
    labels = config.get("id2label")
    names = labels if isinstance(labels, dict) else {}
    ordered = [names.get(str(number)) for number in range(len(names))]
    relations, others = ordered[: len(RELATIONS)], ordered[len(RELATIONS) :]
    if {*relations} != RELATIONS or others not in ([], [RELEVANCE]):
        raise StartupError(
            f"{folder}: config.json's id2label must number {sorted(RELATIONS)},"
            f" and then {RELEVANCE!r} or nothing"
        )
    return tuple(map(str, relations))


def _read_json(path: Path) -> object:
    if not path.parent.is_dir():
        raise StartupError(f"model folder {path.parent} does not exist")
    try:
        return orjson.loads(path.read_bytes())
    except FileNotFoundError:
        raise StartupError(f"{path.parent} has no {path.name}: not a model folder") from None
    except (OSError, orjson.JSONDecodeError) as error:
        raise StartupError(f"{path} cannot be read: {error}") from error


def _read_object(path: Path) -> dict[str, Any]:
    content = _read_json(path)
    if not isinstance(content, dict):
        raise StartupError(f"{path} is not a JSON object")
    return content


def _read_modules(folder: Path) -> tuple[Pooling | None, TwoPart | None]:
    modules = _read_json(folder / "modules.json")
    pooling: Pooling | None = None
    two_part: TwoPart | None = None
    for module in modules if isinstance(modules, list) else [modules]:
        match module:
            case {"type": str(kind), "path": str(path)}:
                name = kind.rpartition(".")[2]
            case _:
                raise StartupError(f"{folder}: modules.json is not a list of modules")
        if name == "TwoPartEncoder":
            two_part = _read_two_part(folder / path / "two_part_config.json")
        elif name == "Pooling":
            pooling = _read_pooling(folder / path / "config.json")
        elif name not in {"Transformer", "Normalize"}:
            raise StartupError(f"{folder}: module {kind} is not supported")
    if pooling is None and two_part is None:
        raise StartupError(f"{folder}: modules.json names no pooling")
    return pooling, two_part


def _read_pooling(path: Path) -> Pooling:
    config = _read_object(path)
    mode = config.get("pooling_mode")
    prefix = "pooling_mode_"
    chosen = [mode] if mode else [key.removeprefix(prefix) for key in config if config[key] is True]
    chosen = [name for name in chosen if name != "include_prompt"]
    if len(chosen) != 1 or chosen[0] not in _POOLINGS:
        raise StartupError(f"{path}: pooling {'+'.join(map(str, chosen))} is not supported")
    if config.get("include_prompt") is False:
        raise StartupError(f"{path}: pooling without the prompt is not supported")
    return _POOLINGS[chosen[0]]


def _read_two_part(path: Path) -> TwoPart:
    config = _read_object(path)
    keys = ("general_dimensions", "polarity_dimensions", "negation_weight")
    missing = [key for key in keys if not isinstance(config.get(key), int | float)]
    if missing:
        raise StartupError(f"{path} has no number for {', '.join(missing)}")
    general, polarity, weight = (config[key] for key in keys)
    exclusion_weight = config.get("exclusion_weight")
    if not isinstance(exclusion_weight, int | float | None):
        raise StartupError(f"{path}: exclusion_weight is no number")
    return TwoPart(general, polarity, weight, exclusion_weight)


def _read_prompts(folder: Path) -> tuple[dict[str, str], str | None]:
    path = folder / "config_sentence_transformers.json"
    config = _read_object(path) if path.is_file() else {}
    prompts = config.get("prompts") or {}
    default = config.get("default_prompt_name")
    if default is not None and default not in prompts:
        raise StartupError(f"{path}: default_prompt_name {default!r} is not among the prompts")
    return prompts, default


def _read_calibration(folder: Path) -> CalibrationRanges | None:
    path = folder / CALIBRATION
    if not path.is_file():
        return None
    try:
        return CalibrationRanges.read(_read_object(path))
    except (TypeError, ValueError) as error:
        raise StartupError(f"{path} is wrong: {error}") from error


def _own_maximum(folder: Path, config: Mapping[str, Any]) -> int:
    """The least of what the position table holds and what the folder says it was made for."""
    limits = [_positions(config)]
    for name, key in _STATED_MAXIMA:
        path = folder / name
        stated = _read_object(path).get(key) if path.is_file() else None
        # transformers writes 1e30 for "no limit".
        if isinstance(stated, int | float) and stated > 0:
            limits.append(int(stated))
    return min(limits)


def _positions(config: Mapping[str, Any]) -> int:
    positions = config.get("max_position_embeddings")
    if not isinstance(positions, int):
        raise StartupError("config.json has no max_position_embeddings")
    if config.get("model_type") in _OFFSET_POSITIONS:
        return positions - (config.get("pad_token_id") or 0) - 1
    return positions

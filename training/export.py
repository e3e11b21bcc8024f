"""Export a trained encoder to its model folder: `python -m training.export experiment.toml`.

Reads the run's `best/` checkpoint; writes the folder that the service serves and that
sentence-transformers loads, then runs the parity stage on it and fails if it drifted.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx

from service.model_folder import CALIBRATION
from training import storage
from training.config import ExperimentConfig, read_experiment
from training.decoder import export as decoder
from training.decoder.config import DecoderConfig
from training.evaluation.dial import turn
from training.evaluation.encoding import Encode, Gate, Remembered, Reweighted
from training.parity import check_encoder
from training.quantization import calibrate, calibration_texts
from training.run import best_checkpoint, history, run_stage, write_json, write_records
from training.serving import ServedEncoder
from training.tracing import SentenceOnnxConfig, trace
from training.two_part import TwoPartEncoder

WEIGHTS = tuple(round(0.3 + 0.02 * step, 2) for step in range(31))


def main(config: ExperimentConfig) -> Path:
    """Export, check parity, and return the model folder."""
    checkpoint = best_checkpoint(config.folder)
    with tempfile.TemporaryDirectory() as name:
        staged = Path(name)
        if isinstance(config.model, DecoderConfig):
            decoder.write_folder(checkpoint, staged)
        else:
            write_two_part(checkpoint, staged, config.training.floors)
        ranges = calibrate(evenly_weighted(ServedEncoder(staged)), calibration_texts())
        write_json(staged / CALIBRATION, ranges)
        write_json(staged / "parity.json", check_encoder(staged, reference=checkpoint))
        write_records(staged / "training.json", history(config.folder))
        install(staged, config.output)
    return config.output


def write_two_part(checkpoint: Path, folder: Path, floors: Mapping[str, float]) -> None:
    """Write a two-part checkpoint's folder, and find the negation weight that it is served at."""
    module = TwoPartEncoder.load(
        str(checkpoint), model_kwargs={"attn_implementation": "eager"}
    ).eval()
    write_folder(module, folder)
    choice = choose_weight(ServedEncoder(folder), floors)
    write_json(folder / "negation_weight.json", choice)
    module.negation_weight = choice["negation_weight"]
    write_folder(module, folder)


def choose_weight(served: ServedEncoder, floors: Mapping[str, float]) -> dict[str, Any]:
    """Find the negation weight to serve: the best by the joint criterion on the dev rows.

    Returns:
        The weight, and the joint score of every weight that was tried.
    """
    two_part = served.spec.two_part
    if two_part is None:
        raise ValueError("the export is not a two-part encoder")
    general_dimensions, gate = two_part.general_dimensions, Gate.of(two_part)
    dial = turn(Remembered(served), general_dimensions, floors, WEIGHTS, gate=gate)
    return {
        "negation_weight": dial.weight,
        "joint_score": {str(weight): score for weight, score in dial.scores.items()},
    }


def evenly_weighted(served: ServedEncoder) -> Encode:
    """The encoder with all texts at its negation weight, where a gate gives them their own.

    From the ranges of such vectors the service reckons those of any weight.
    """
    two_part = served.spec.two_part
    if two_part is None or two_part.exclusion_weight is None:
        return served
    return Reweighted(served, two_part.general_dimensions, two_part.negation_weight)


def write_folder(module: TwoPartEncoder, folder: Path) -> None:
    """Write weights, graph, tokenizer and configuration."""
    module.save(str(folder))
    # What a slow tokenizer would read; tokenizer.json has it all, and the folder has 64 MB in all.
    (folder / "vocab.txt").unlink(missing_ok=True)
    compact(folder / "tokenizer.json")
    storage.write_half(module.state_dict(), folder)
    half = TwoPartEncoder.load(str(folder), model_kwargs={"attn_implementation": "eager"}).eval()
    graph = storage.point_into_weights(trace_encoder(half), folder)
    storage.save_graph(graph, folder)
    modules = [{"idx": 0, "name": "0", "path": "", "type": "two_part.TwoPartEncoder"}]
    write_json(folder / "modules.json", modules)
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": module.max_seq_length})
    write_json(
        folder / "config_sentence_transformers.json",
        {"prompts": {}, "default_prompt_name": None, "similarity_fn_name": "cosine"},
    )


def compact(path: Path) -> None:
    """Write a JSON file without its indentation, which is a third of a tokenizer's."""
    content = json.loads(path.read_text(encoding="utf-8"))
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    path.write_text(text + "\n", encoding="utf-8")


def trace_encoder(module: TwoPartEncoder) -> onnx.ModelProto:
    """Export the module with Optimum, its weights unfolded and under their torch names."""
    # Optimum reads the configuration from where transformers' models keep it.
    module.config = module.bert
    return trace(module, SentenceOnnxConfig(module.bert, task="feature-extraction"))


def install(staged: Path, output: Path) -> None:
    """Put a checked folder in the place of the old one, keeping what other stages wrote there."""
    output.mkdir(parents=True, exist_ok=True)
    for path in staged.iterdir():
        if path.is_dir():
            shutil.copytree(path, output / path.name, dirs_exist_ok=True)
        else:
            shutil.copy(path, output / path.name)


if __name__ == "__main__":
    run_stage(
        "training.export",
        "Export a trained encoder to ONNX and check its parity.",
        lambda path: print(main(read_experiment(path))),
    )

"""Export a trained encoder to its model folder: `python -m training.export experiment.toml`.

Reads the run's `best/` checkpoint; writes the folder that the service serves and that
sentence-transformers loads, then runs the parity stage on it and fails if it drifted.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
from optimum.exporters.onnx import export as optimum_export
from optimum.exporters.onnx.config import TextEncoderOnnxConfig
from optimum.exporters.onnx.model_patcher import ModelPatcher
from optimum.utils import NormalizedTextConfig
from torch import Tensor

from service.model_folder import CALIBRATION
from training import storage
from training.config import ExperimentConfig, read_experiment
from training.evaluation.dial import turn
from training.evaluation.encoding import Remembered
from training.parity import check_encoder
from training.quantization import calibrate, calibration_texts
from training.run import best_checkpoint, history, run_stage, write_json
from training.serving import ServedEncoder
from training.two_part import TwoPartEncoder

OPSET = 18
WEIGHTS = tuple(round(0.3 + 0.02 * step, 2) for step in range(31))


class SentencePatcher(ModelPatcher):
    """Lets Optimum call the module with tensors instead of a dictionary of features."""

    def __init__(self, config: Any, model: Any, model_kwargs: Any = None) -> None:
        super().__init__(config, model, model_kwargs)

        def forward(input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
            features = {"input_ids": input_ids, "attention_mask": attention_mask}
            return {"sentence_embedding": self.orig_forward(features)["sentence_embedding"]}

        self.patched_forward = forward


class SentenceOnnxConfig(TextEncoderOnnxConfig):
    """Inputs and outputs of the exported graph: pooling and normalisation are inside it."""

    NORMALIZED_CONFIG_CLASS = NormalizedTextConfig
    _MODEL_PATCHER = SentencePatcher

    @property
    def inputs(self) -> dict[str, dict[int, str]]:
        """Both (batch, tokens)."""
        axes = {0: "batch_size", 1: "sequence_length"}
        return {"input_ids": axes, "attention_mask": dict(axes)}

    @property
    def outputs(self) -> dict[str, dict[int, str]]:
        """(batch, dimensions)."""
        return {"sentence_embedding": {0: "batch_size"}}


def main(config: ExperimentConfig) -> Path:
    """Export, check parity, and return the model folder."""
    checkpoint = best_checkpoint(config.folder)
    module = TwoPartEncoder.load(
        str(checkpoint), model_kwargs={"attn_implementation": "eager"}
    ).eval()
    with tempfile.TemporaryDirectory() as name:
        staged = Path(name)
        write_folder(module, staged)
        choice = choose_weight(ServedEncoder(staged), config.training.floors)
        write_json(staged / "negation_weight.json", choice)
        module.negation_weight = choice["negation_weight"]
        write_folder(module, staged)
        ranges = calibrate(ServedEncoder(staged), calibration_texts())
        write_json(staged / CALIBRATION, ranges)
        write_json(staged / "parity.json", check_encoder(staged, reference=checkpoint))
        write_json(staged / "training.json", history(config.folder))
        install(staged, config.output)
    return config.output


def choose_weight(served: ServedEncoder, floors: Mapping[str, float]) -> dict[str, Any]:
    """Find the negation weight to serve: the best by the joint criterion on the dev rows.

    Returns:
        The weight, and the joint score of every weight that was tried.
    """
    two_part = served.spec.two_part
    if two_part is None:
        raise ValueError("the export is not a two-part encoder")
    dial = turn(Remembered(served), two_part.general_dimensions, floors, WEIGHTS)
    return {
        "negation_weight": dial.weight,
        "joint_score": {str(weight): score for weight, score in dial.scores.items()},
    }


def write_folder(module: TwoPartEncoder, folder: Path) -> None:
    """Write weights, graph, tokenizer and configuration."""
    module.save(str(folder))
    # What a slow tokenizer would read; tokenizer.json has it all, and the folder has 64 MB in all.
    (folder / "vocab.txt").unlink(missing_ok=True)
    storage.write_half(module.state_dict(), folder)
    half = TwoPartEncoder.load(str(folder), model_kwargs={"attn_implementation": "eager"}).eval()
    graph = storage.point_into_weights(trace(half), folder)
    storage.save_graph(graph, folder)
    modules = [{"idx": 0, "name": "0", "path": "", "type": "two_part.TwoPartEncoder"}]
    write_json(folder / "modules.json", modules)
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": module.max_seq_length})
    write_json(
        folder / "config_sentence_transformers.json",
        {"prompts": {}, "default_prompt_name": None, "similarity_fn_name": "cosine"},
    )


def trace(module: TwoPartEncoder) -> onnx.ModelProto:
    """Export the module with Optimum, its weights unfolded and under their torch names."""
    # Optimum reads the configuration from where transformers' models keep it.
    module.config = module.bert
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / storage.GRAPH
        optimum_export(
            module,
            SentenceOnnxConfig(module.bert, task="feature-extraction"),
            path,
            opset=OPSET,
            do_constant_folding=False,
        )
        return onnx.load(path)


def install(staged: Path, output: Path) -> None:
    """Put a checked folder in the place of the old one, keeping what other stages wrote there."""
    output.mkdir(parents=True, exist_ok=True)
    for file in staged.iterdir():
        shutil.copy(file, output / file.name)


if __name__ == "__main__":
    run_stage(
        "training.export",
        "Export a trained encoder to ONNX and check its parity.",
        lambda path: print(main(read_experiment(path))),
    )

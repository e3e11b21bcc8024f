"""Torch modules to ONNX graphs with Optimum, one vector a text out."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import onnx
from optimum.exporters.onnx import export as optimum_export
from optimum.exporters.onnx.config import TextEncoderOnnxConfig
from optimum.exporters.onnx.model_patcher import ModelPatcher
from optimum.utils import NormalizedTextConfig
from torch import Tensor, nn

from training import storage

OPSET = 18


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


def trace(module: nn.Module, config: SentenceOnnxConfig) -> onnx.ModelProto:
    """Export a module with Optimum, its weights unfolded and under their torch names."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / storage.GRAPH
        optimum_export(module, config, path, opset=OPSET, do_constant_folding=False)
        return onnx.load(path)

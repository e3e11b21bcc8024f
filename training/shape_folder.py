"""The model folder of a shape of the encoder, written from the base encoder without training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training import export, storage
from training.run import write_json
from training.two_part import TwoPartEncoder

MAX_SEQ_LENGTH = 256
NEGATION_WEIGHT = 0.5
POLARITY_WEIGHTS = ("polarity.", "projection.")


@dataclass(frozen=True)
class Shape:
    """A shape of the encoder: the base alone, or two parts.

    Args:
        shared_layers: How many lower layers the two parts share; None for the base alone.
        polarity_dimensions: Width of the polarity part, 0 for the base alone.
    """

    shared_layers: int | None = None
    polarity_dimensions: int = 0

    @property
    def name(self) -> str:
        """What tables call it."""
        if self.shared_layers is None:
            return "base alone"
        return f"{self.shared_layers} shared, {self.polarity_dimensions} polarity"


class OneVector(TwoPartEncoder):
    """The general part alone: its graph ends there, and the polarity part is not in it."""

    def forward(self, features: dict[str, Tensor], **_: Any) -> dict[str, Tensor]:
        """Add `sentence_embedding`, (batch, general dimensions), of unit length."""
        features = super().forward(features)
        features["sentence_embedding"] = features["general"]
        return features


def write_shape(base_folder: str, shape: Shape, folder: Path) -> None:
    """Write the model folder of a shape, from the base encoder without training.

    Raises:
        ValueError: The shape does not fit the base.
    """
    folder.mkdir(parents=True)
    alone = shape.shared_layers is None
    module = (OneVector if alone else TwoPartEncoder).from_base(
        base_folder,
        shared_layers=shape.shared_layers or 0,
        polarity_dimensions=shape.polarity_dimensions or 1,
        negation_weight=NEGATION_WEIGHT,
        max_seq_length=MAX_SEQ_LENGTH,
    )
    set_apart(module)
    if alone:
        write_one_vector(module.eval(), folder)
    else:
        export.write_folder(module.eval(), folder)


def set_apart(module: TwoPartEncoder) -> None:
    """Change the polarity part's layers, as training would.

    The exporter keeps one of several equal tensors: two equal stacks would run as one.
    """
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in module.polarity.parameters():
            weight.add_(torch.randn_like(weight), alpha=0.01)


def write_one_vector(module: TwoPartEncoder, folder: Path) -> None:
    """Write the base alone as the two-part shapes are written, without the polarity part."""
    module.save(str(folder))
    module = OneVector.load(str(folder), model_kwargs={"attn_implementation": "eager"}).eval()
    weights = module.state_dict().items()
    storage.write_half(
        {name: weight for name, weight in weights if not name.startswith(POLARITY_WEIGHTS)}, folder
    )
    storage.save_graph(storage.point_into_weights(export.trace_encoder(module), folder), folder)
    pooling = {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}
    transformer = {"path": "", "type": "sentence_transformers.models.Transformer"}
    write_json(folder / "modules.json", [transformer, pooling])
    (folder / "1_Pooling").mkdir()
    write_json(folder / "1_Pooling/config.json", {"pooling_mode_mean_tokens": True})
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": module.max_seq_length})

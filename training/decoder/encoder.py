"""A decoder with a LoRA adapter, as a sentence-transformers model that also knows its base.

What it writes is a plain sentence-transformers folder of an adapter: `SentenceTransformer(folder)`
loads it anywhere.
"""

from __future__ import annotations

from typing import Any

import torch
from peft import LoraConfig
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from torch import Tensor, nn

from training import base
from training.decoder import tokenizer
from training.decoder.config import DecoderConfig

# Said outright: a tokenizer with a chat template would else put it around every text.
MODALITIES = {"text": {"method": "forward", "method_output_name": "last_hidden_state"}}


class AdaptedEncoder(SentenceTransformer):
    """A decoder whose adapter learns, beside itself without the adapter.

    The losses (`training.losses`) find in its output what a two-part encoder gives them: `general`
    is the frozen base's vector, from which is distilled, and `polarity` the trained one.
    """

    def forward(self, features: dict[str, Tensor], **kwargs: Any) -> dict[str, Tensor]:
        """Add `sentence_embedding` and, in training, `polarity` and `general` as well.

        Args:
            features: `input_ids` and `attention_mask`, both (batch, tokens).
            **kwargs: For the modules.

        Returns:
            The features and the vectors, each (batch, dimensions) and of unit length.
        """
        output: dict[str, Tensor] = super().forward(dict(features), **kwargs)
        if not self.training:
            return output
        output["polarity"] = output["sentence_embedding"]
        self.disable_adapters()
        with torch.no_grad():
            output["general"] = super().forward(dict(features), **kwargs)["sentence_embedding"]
        self.enable_adapters()
        return output

    def train(self, mode: bool = True) -> AdaptedEncoder:
        """Switch training mode, without dropout: it would make the frozen base noisy."""
        super().train(mode)
        for module in self.children():
            module.eval()
        return self

    def save(self, path: str, *args: Any, **kwargs: Any) -> None:
        """Write the adapter's folder, with the decoder's configuration in it.

        Without that, transformers does not know what tokenizer it is to read there.
        """
        super().save(path, *args, **kwargs)
        self[0].config.save_pretrained(path)


def build(config: DecoderConfig) -> AdaptedEncoder:
    """Start from a decoder, with an adapter that changes nothing yet (Hu et al. 2021, 2106.09685).

    Raises:
        ValueError: The tokenizer cannot be used, or a target names no layer.
    """
    transformer = Transformer(
        base.folder(config.base),
        max_seq_length=config.max_seq_length,
        modality_config=MODALITIES,
        module_output_name="token_embeddings",
    )
    tokenizer.prepare(transformer.tokenizer, config)
    transformer.model.config.pad_token_id = transformer.tokenizer.pad_token_id
    check_targets(transformer.model, config)
    model = AdaptedEncoder(
        modules=[
            transformer,
            Pooling(transformer.get_embedding_dimension(), config.pooling),
            Normalize(),
        ],
        prompts={"query": config.query_instruction},
        similarity_fn_name="cosine",
    )
    # Without dropout, as everywhere here: see `AdaptedEncoder.train`.
    model.add_adapter(
        LoraConfig(
            r=config.lora_rank,
            lora_alpha=config.lora_alpha,
            target_modules=config.lora_targets,
        )
    )
    return model


def check_targets(decoder: nn.Module, config: DecoderConfig) -> None:
    """Refuse targets that name no linear layer of the decoder; peft ignores those beside others.

    Raises:
        ValueError: A target names none; the message lists what there is.
    """
    linear = (name for name, part in decoder.named_modules() if isinstance(part, nn.Linear))
    known = {name.rpartition(".")[2] for name in linear}
    unknown = sorted(set(config.lora_targets) - known)
    if unknown or not config.lora_targets:
        raise ValueError(
            f"decoder.lora_targets: {config.base} has no linear layer {', '.join(unknown) or '[]'};"
            f" it has {', '.join(sorted(known))}"
        )

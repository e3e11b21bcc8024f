"""A trained decoder as a model folder: the adapter merged, and the pooling in the ONNX graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from peft import PeftConfig, PeftModel
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn
from transformers import AutoModel

from training import storage
from training.tracing import SentenceOnnxConfig, SentencePatcher, trace


class PooledPatcher(SentencePatcher):
    """Has the graph pool and normalise what the decoder gives for each token."""

    def __init__(self, config: PooledOnnxConfig, model: Any, model_kwargs: Any = None) -> None:
        super().__init__(config, model, model_kwargs)

        def forward(input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
            tokens = self.orig_forward(
                input_ids=input_ids, attention_mask=attention_mask, use_cache=False
            )
            features = {
                "token_embeddings": tokens.last_hidden_state,
                "attention_mask": attention_mask,
            }
            for module in config.pooling:
                features = module(features)
            return {"sentence_embedding": features["sentence_embedding"]}

        self.patched_forward = forward


class PooledOnnxConfig(SentenceOnnxConfig):
    """The graph of a decoder and of the modules behind it.

    Args:
        decoder: A decoder of transformers.
        pooling: From `token_embeddings` to `sentence_embedding`, as in sentence-transformers.
    """

    _MODEL_PATCHER = PooledPatcher

    def __init__(self, decoder: Any, pooling: list[nn.Module]) -> None:
        super().__init__(decoder.config, task="feature-extraction")
        self.pooling = pooling


def write_folder(checkpoint: Path, folder: Path) -> None:
    """Merge a checkpoint's adapter and write the folder that the service serves.

    Args:
        checkpoint: A folder that `training.decoder.encoder.AdaptedEncoder` wrote.
        folder: Where to write; sentence-transformers loads it without code of ours.

    Raises:
        ValueError: A weight does not fit half precision; the message names it.
    """
    encoder = SentenceTransformer(str(checkpoint), device="cpu")
    decoder = merged(checkpoint)
    encoder[0].model = decoder
    encoder.save(str(folder), create_model_card=False)
    storage.write_half(decoder.state_dict(), folder)
    graph = trace(decoder, PooledOnnxConfig(decoder, list(encoder)[1:]))
    storage.save_graph(storage.point_into_weights(graph, folder), folder)


def merged(checkpoint: Path) -> Any:
    """The base with the adapter's products added to its weights, in float32.

    The products are summed up once, so that the graph costs what the base's costs.
    """
    name = PeftConfig.from_pretrained(str(checkpoint)).base_model_name_or_path
    decoder = AutoModel.from_pretrained(name, attn_implementation="eager")
    return PeftModel.from_pretrained(decoder, str(checkpoint)).merge_and_unload().eval()

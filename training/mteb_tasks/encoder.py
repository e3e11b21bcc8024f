"""An encoder as `mteb` calls one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mteb.models import ModelMeta
from mteb.models.abs_encoder import AbsEncoder
from mteb.types import PromptType

from training.evaluation.encoding import Encode, Vectors, as_queries
from training.evaluation.target import Target


class MtebEncoder(AbsEncoder):
    """Texts to unit vectors behind mteb's encoder protocol; its similarity is the cosine.

    Before a query stands the encoder's own instruction, as in all our evaluations, and nothing that
    the task asks for.

    Args:
        target: What is measured; its name goes into the results.
        encode: Texts to (texts, dimensions) unit vectors.
    """

    def __init__(self, target: Target, encode: Encode) -> None:
        self.encode_texts = encode
        self.mteb_model_meta = ModelMeta.create_empty({"name": f"litotes/{target.name}"})

    def encode(
        self,
        inputs: Iterable[Mapping[str, Sequence[str]]],
        *,
        prompt_type: PromptType | None = None,
        **_: Any,
    ) -> Vectors:
        """Encode all texts at once, so that the encoder chooses its own batches.

        Args:
            inputs: Batches of mteb's loader.
            prompt_type: Whether the texts are queries.
        """
        texts = [text for batch in inputs for text in batch["text"]]
        if prompt_type is PromptType.query:
            texts = as_queries(self.encode_texts, texts)
        return self.encode_texts(texts)

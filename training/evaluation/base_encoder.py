"""The base encoder as sentence-transformers runs it: the baseline of every table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sentence_transformers import SentenceTransformer

from training import base
from training.evaluation.encoding import Vectors


class BaseEncoder:
    """Texts to the base encoder's unit vectors, in float32.

    Args:
        name: A name that `training.base` knows, a folder, or a hub id.
    """

    def __init__(self, name: str) -> None:
        self.model = SentenceTransformer(base.folder(name))
        self.query_instruction = self.model.prompts.get("query") or ""

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Encode in batches."""
        vectors: Vectors = self.model.encode(
            list(texts),
            normalize_embeddings=True,
            show_progress_bar=len(texts) > 1000,
        ).astype(np.float32)
        return vectors

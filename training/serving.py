"""The service's own path from texts to numbers, as plain functions.

Parity and evaluation run the code that will serve, not another implementation of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from service.backend import OnnxBackend, open_backend
from service.encoding import Encoding
from service.model_folder import RELEVANCE, read_encoder, read_pair
from service.model_spec import EncoderSpec, PairSpec
from service.settings import Settings
from service.tokenization import Tokenizer
from service.windows import PassageLimits, best_windows, encode_windows
from training.evaluation.encoding import Vectors, unit
from training.pair.sentence_relevance import sentence_relevance

BATCH = 32


class ServedEncoder:
    """Texts to unit vectors, as the service computes them.

    Args:
        folder: A model folder.

    Raises:
        service.errors.StartupError: The folder cannot be served.
    """

    def __init__(self, folder: Path) -> None:
        self.spec: EncoderSpec = read_encoder(folder, folder.name, None)
        # Put before queries by whoever knows which texts are; see `training.evaluation.encoding`.
        self.query_instruction = self.spec.prompts.get("query") or ""
        self.tokenizer = Tokenizer(
            self.spec.tokenizer, max_input_tokens=self.spec.max_input_tokens, workers=1
        )
        self.backend: OnnxBackend = open_backend(
            self.spec, device="cpu", pooling=self.spec.pooling, intra_op_num_threads=0
        )

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Encode in batches of texts of like length; vectors in the order of the texts."""
        encodings = asyncio.run(self.tokenizer.encode(texts, truncate=True))
        return unit(run_by_length(self.backend.run, encodings, description="Encoding"))


class ServedDiscriminator:
    """Pairs to logits, as the service computes them, in one order of the two texts.

    Args:
        folder: A model folder.

    Raises:
        service.errors.StartupError: The folder cannot be served.
    """

    def __init__(self, folder: Path) -> None:
        self.spec: PairSpec = read_pair(folder)
        self.tokenizer = Tokenizer(
            self.spec.tokenizer, max_input_tokens=self.spec.max_input_tokens, workers=1
        )
        self.backend: OnnxBackend = open_backend(
            self.spec, device="cpu", pooling=None, intra_op_num_threads=0, side_output=RELEVANCE
        )

    @property
    def ranks(self) -> bool:
        """Whether it also tells how relevant a passage is."""
        return self.backend.has_side_output

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Judge in batches of pairs of like length; (pairs, relations) logits, in order."""
        return self.outputs(pairs)[:, : len(self.spec.labels)]

    def outputs(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """All outputs, (pairs, relations and, where the model ranks, relevance), in order."""
        encodings = asyncio.run(self.tokenizer.encode_pairs(pairs, truncate=True))
        return run_by_length(self.backend.run, encodings, description="Judging")

    def relevance(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Relevance of each pair's second text, a passage, to its first, a query; (pairs,) logits.

        Where it is added to a cosine, a passage of several sentences is read by these.

        Raises:
            service.errors.InputTooLong: A passage has more windows than the service takes.
        """
        if self.spec.similarity_scale:
            return sentence_relevance(self._best, self.spec.labels, pairs)
        return self._best(pairs)[:, -1]

    def _best(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """All outputs of each pair's most relevant window, (pairs, outputs)."""
        windows = asyncio.run(self._windows(pairs))
        rows = run_by_length(
            self.backend.run,
            [encoding for found in windows for encoding in found],
            description="Ranking",
        )
        return best_windows(rows, np.cumsum([0, *map(len, windows[:-1])]).tolist())

    async def _windows(self, pairs: Sequence[tuple[str, str]]) -> list[list[Encoding]]:
        """The windows of each pair."""
        limits = PassageLimits(Settings.model_fields["max_passage_windows"].default)
        return [
            (
                await encode_windows(self.tokenizer, query, [passage], limits, truncate=True)
            ).encodings
            for query, passage in pairs
        ]


def run_by_length(
    run: Callable[[Sequence[Encoding]], NDArray[np.float32]],
    encodings: Sequence[Encoding],
    *,
    description: str,
) -> NDArray[np.float32]:
    """Run encodings in batches of like length and give the rows back in order."""
    order = sorted(range(len(encodings)), key=lambda index: len(encodings[index]), reverse=True)
    rows: list[NDArray[np.float32]] = []
    batches = range(0, len(order), BATCH)
    for start in tqdm(batches, desc=description, disable=len(batches) < 10, leave=False):
        rows.append(run([encodings[index] for index in order[start : start + BATCH]]))
    restored: NDArray[np.float32] = np.concatenate(rows)[np.argsort(order)]
    return restored

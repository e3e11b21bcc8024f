"""Pairs of texts to the relation between them: equivalence, contradiction, hedge or neutral."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np

from service.engine import Engine
from service.errors import InferenceFailed, StartupError
from service.metrics import Metrics
from service.model_folder import PairSpec, read_pair
from service.settings import Settings
from service.vectors import Rows, softmax


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the discriminator says of one pair.

    Attributes:
        relation: The label of the best score; None where that is under the model's threshold.
        scores: Probability of each label; they sum to 1.
        truncated: Whether something of the pair was cut.
    """

    relation: str | None
    scores: dict[str, float]
    truncated: bool


class PairDiscriminator:
    """A cross-encoder that is loaded, warm and taking pairs. Made by `open`.

    Attributes:
        spec: What the model folder says.
        provider: The ONNX Runtime execution provider that really runs.
        max_characters: Characters of one text that may be read; what is over them is cut first.
    """

    def __init__(self, spec: PairSpec, engine: Engine) -> None:
        self.spec = spec
        self.provider = engine.provider
        self.max_characters = engine.tokenizer.max_characters
        self._engine = engine
        if engine.width != len(spec.labels):
            raise StartupError(
                f"{spec.folder}: config.json names {len(spec.labels)} labels,"
                f" the graph gives {engine.width} logits"
            )

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: Settings, executor: Executor, metrics: Metrics
    ) -> AsyncIterator[PairDiscriminator | None]:
        """Load the model, warm it up and take pairs until the block ends, then drain.

        Yields None where there is no discriminator to serve (`Settings.find_pair_model`).

        Raises:
            StartupError: The folder is no discriminator, or the device is not to be had.
        """
        folder = settings.find_pair_model()
        if folder is None:
            yield None
            return
        spec = read_pair(folder)
        recorder = metrics.for_model(spec.name, encoder=False)
        async with Engine.open(
            spec, settings, executor, recorder, pooling=None, zeros_allowed=True
        ) as engine:
            yield cls(spec, engine)

    @property
    def ready(self) -> bool:
        """Whether pairs are being answered now."""
        return self._engine.ready

    async def judge(
        self, pairs: Sequence[tuple[str, str]], *, truncate: bool, deadline: float | None = None
    ) -> list[Judgement]:
        """Judge pairs of texts; the order within a pair makes no difference.

        Args:
            pairs: At least one.
            truncate: Cut the longer text of a pair over the model's maximum, rather than refuse.
            deadline: When to give up, on the event loop's clock; None takes `request_timeout`.

        Raises:
            EmptyInput: A text has no content.
            InputTooLong: A pair is over the maximum and `truncate` is off.
            Overloaded: The queue is full.
            DeadlineExceeded: The deadline passed.
            InferenceFailed: The model failed on one of the pairs; `index` says which.
            Unavailable: The service is stopping, or its batch loop has died.
        """
        started = time.perf_counter()
        encodings = await self._engine.tokenizer.encode_pairs(pairs, truncate=truncate)
        mirrored = await self._engine.tokenizer.encode_pairs(
            [(second, first) for first, second in pairs], truncate=truncate
        )
        tokenization = time.perf_counter() - started
        try:
            results = await self._engine.run(
                [*encodings, *mirrored], tokenization=tokenization, deadline=deadline
            )
        except InferenceFailed as error:
            index = None if error.index is None else error.index % len(pairs)
            raise InferenceFailed(error.message, index=index) from error
        # The relation is symmetric and a cross-encoder is not, so both orders have a say.
        logits = np.float32(0.5) * (results.rows[: len(pairs)] + results.rows[len(pairs) :])
        truncated = [encoding.truncated for encoding in encodings]
        return self._read(softmax(logits), truncated)

    def _read(self, scores: Rows, truncated: list[bool]) -> list[Judgement]:
        judgements = []
        for row, cut in zip(scores.tolist(), truncated, strict=True):
            by_label = dict(zip(self.spec.labels, row, strict=True))
            best = max(by_label, key=by_label.__getitem__)
            sure = by_label[best] >= self.spec.abstention_threshold
            judgements.append(Judgement(best if sure else None, by_label, cut))
        return judgements

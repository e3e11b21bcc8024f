"""The pair model: one graph over two texts, read as a judge of relations and as a reranker."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass

from service.discriminator import PairDiscriminator
from service.encoder import Encoder
from service.engine import Engine
from service.metrics import Metrics
from service.model_folder import RELEVANCE, read_pair
from service.reranker import Reranker
from service.settings import Settings
from service.similarity import Similarity


@dataclass(frozen=True, slots=True)
class PairModel:
    """What a pair model that is loaded, warm and taking pairs can be asked. Made by `open`.

    Attributes:
        discriminator: Tells how two texts relate.
        reranker: Tells how relevant passages are; None where the graph has no such output.
    """

    discriminator: PairDiscriminator
    reranker: Reranker | None

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: Settings,
        executor: Executor,
        metrics: Metrics,
        encoder: Encoder | None = None,
    ) -> AsyncIterator[PairModel | None]:
        """Load the model, warm it up and take pairs until the block ends, then drain.

        Yields None where there is no pair model to serve (`Settings.find_pair_model`).

        Args:
            settings: Names the folder and the limits.
            executor: The one thread that forward passes run on, shared with other models.
            metrics: Where to record.
            encoder: Its cosines are what the reranker corrects, if the model was trained so; None
                leaves it with the relevance alone.

        Raises:
            StartupError: The folder is no pair model, or the device is not to be had.
        """
        folder = settings.find_pair_model()
        if folder is None:
            yield None
            return
        spec = read_pair(folder)
        recorder = metrics.for_model(spec.name, encoder=False)
        async with Engine.open(
            spec,
            settings,
            executor,
            recorder,
            pooling=None,
            zeros_allowed=True,
            side_output=RELEVANCE,
        ) as engine:
            reranker = None
            if engine.has_side_output:
                similarity = None
                if encoder and settings.rerank_similarity and spec.similarity_scale:
                    similarity = Similarity(encoder, spec.similarity_scale)
                reranker = Reranker(
                    spec,
                    engine,
                    similarity,
                    max_windows=settings.max_passage_windows,
                    # Other relevances were trained on passages as a whole.
                    sentences=similarity is not None and settings.rerank_sentences,
                )
            yield cls(PairDiscriminator(spec, engine), reranker)

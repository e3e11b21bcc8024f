"""A query and passages to the relevance of each passage."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.distinct import Distinct, placed
from service.encoding import Direction
from service.engine import Engine
from service.request import BatchResults
from service.similarity import Similarities, Similarity
from service.timing import Timing
from service.together import together
from service.windows import PassageLimits, Windows, encode_windows


@dataclass(frozen=True, slots=True)
class Relevances:
    """How relevant the passages of one request are.

    Attributes:
        logits: One a passage, in the order of the passages; the larger, the more relevant. The
            scaled cosine is in it, where there is one.
        windows: How many windows were run; passages that are alike are run once.
        tokens: Tokens that were run, special tokens and repeats of the query included, and those
            of the encoder.
        query_truncated: Whether the query was cut.
        truncated: Positions of the passages that were cut.
        timing: Where the time went.
    """

    logits: NDArray[np.float32]
    windows: int
    tokens: int
    query_truncated: bool
    truncated: list[int]
    timing: Timing


class Reranker:
    """Scores passages with a pair model's relevance output.

    Args:
        name: What the model is called.
        engine: The model, loaded and warm, whose rows end with the relevance.
        similarity: What the relevance is a correction of; None where it stands alone.
        max_windows: Windows of one passage.

    Attributes:
        name: What the model is called.
        provider: The ONNX Runtime execution provider that really runs.
    """

    def __init__(
        self, name: str, engine: Engine, similarity: Similarity | None = None, *, max_windows: int
    ) -> None:
        self.name = name
        self.provider = engine.provider
        self._engine = engine
        self._similarity = similarity
        self._max_windows = max_windows

    async def score(
        self,
        query: str,
        passages: Sequence[str],
        *,
        truncate: bool,
        direction: Direction = "right",
        max_passage_tokens: int | None = None,
        deadline: float | None = None,
    ) -> Relevances:
        """Score passages; a long one by the best of its windows.

        Args:
            query: What is looked for.
            passages: At least one.
            truncate: Cut a query that fills more than half of what the model reads, rather than
                refuse it. A passage is not cut for its length.
            direction: The end of the query that is cut.
            max_passage_tokens: Cut passages after so many tokens; None leaves them whole.
            deadline: When to give up, on the event loop's clock; None takes `request_timeout`.

        Raises:
            EmptyInput: A text has no content; `index` is 0 for the query and n + 1 for the n-th
                passage, as in every error.
            InputTooLong: The query is too long and `truncate` is off, or a passage has too many
                windows.
            Overloaded: The queue is full.
            DeadlineExceeded: The deadline passed.
            InferenceFailed: The model failed on a window of one of the passages.
            Unavailable: The service is stopping, or its batch loop has died.
        """
        distinct = Distinct.of(passages)
        started = time.perf_counter()
        with placed([0, *(place + 1 for place in distinct.places)]):
            windows = await encode_windows(
                self._engine.tokenizer,
                query,
                distinct.texts,
                PassageLimits(self._max_windows, max_passage_tokens),
                truncate=truncate,
                direction=direction,
            )
        tokenization = time.perf_counter() - started
        similar, results = await together(
            self._compare(query, distinct, direction, max_passage_tokens, deadline),
            self._run(windows, distinct, tokenization, deadline),
        )
        best = np.maximum.reduceat(results.rows[:, -1], windows.starts)
        tokens = sum(map(len, windows.encodings))
        timing = Timing(tokenization, results.queue_duration, results.inference_duration)
        if similar is not None:
            best = best + similar.scores
            tokens += similar.tokens
            timing = timing.beside(similar.timing)
        cut = set(windows.truncated)
        return Relevances(
            logits=best[distinct.numbers],
            windows=len(windows.encodings),
            tokens=tokens,
            query_truncated=windows.query_truncated,
            truncated=[i for i, number in enumerate(distinct.numbers) if number in cut],
            timing=timing,
        )

    async def _run(
        self, windows: Windows, distinct: Distinct, tokenization: float, deadline: float | None
    ) -> BatchResults:
        """Run the windows; an error names the passage."""
        owners = np.repeat(distinct.places, np.diff([*windows.starts, len(windows.encodings)]))
        with placed((owners + 1).tolist()):
            return await self._engine.run(
                windows.encodings, tokenization=tokenization, deadline=deadline
            )

    async def _compare(
        self,
        query: str,
        distinct: Distinct,
        direction: Direction,
        max_passage_tokens: int | None,
        deadline: float | None,
    ) -> Similarities | None:
        """Compare the vectors of query and passages; an error names the passage."""
        if self._similarity is None:
            return None
        with placed([0, *(place + 1 for place in distinct.places)]):
            return await self._similarity.score(
                query,
                distinct.texts,
                direction=direction,
                max_passage_tokens=max_passage_tokens,
                deadline=deadline,
            )

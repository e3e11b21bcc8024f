"""A query and passages to the relevance of each passage."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.distinct import Distinct, placed
from service.encoding import Direction
from service.engine import Engine
from service.model_spec import PairSpec
from service.passage_parts import PassageParts
from service.passage_sentences import combine_relevances, split_passage
from service.request import BatchResults
from service.similarity import Similarities, Similarity
from service.timing import Timing
from service.together import together
from service.windows import PassageLimits, Windows, best_windows, encode_windows


@dataclass(frozen=True, slots=True)
class Relevances:
    """How relevant the passages of one request are.

    Attributes:
        logits: One a passage, in the order of the passages; the larger, the more relevant. The
            scaled cosine is in it, where there is one.
        windows: How many windows of the model's length the passages fill; those that are alike
            count once.
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
        spec: The model, as its folder describes it.
        engine: The model, loaded and warm, whose rows end with the relevance.
        similarity: What the relevance is a correction of; None where it stands alone.
        max_windows: Windows of one passage.
        sentences: Read a passage of several sentences one by one (`split_passage`).

    Attributes:
        name: What the model is called.
        provider: The ONNX Runtime execution provider that really runs.
    """

    def __init__(
        self,
        spec: PairSpec,
        engine: Engine,
        similarity: Similarity | None = None,
        *,
        max_windows: int,
        sentences: bool = False,
    ) -> None:
        self.name = spec.name
        self._agreeing = spec.labels.index("equivalence"), spec.labels.index("contradiction")
        self.provider = engine.provider
        self._engine = engine
        self._similarity = similarity
        self._max_windows = max_windows
        self._sentences = sentences

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
        """Score passages: one of several sentences by these, a long one by the best of its windows.

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
        sentences = await self._split(distinct.texts, max_passage_tokens)
        parts = PassageParts.of(distinct.texts, sentences)
        owners = [distinct.places[owner] for owner in parts.owners]
        with placed([0, *(place + 1 for place in owners)]):
            windows = await encode_windows(
                self._engine.tokenizer,
                query,
                parts.distinct.texts,
                PassageLimits(self._max_windows, max_passage_tokens),
                truncate=truncate,
                direction=direction,
            )
        tokenization = time.perf_counter() - started
        similar, results = await together(
            self._compare(
                query,
                distinct,
                sentences,
                direction=direction,
                max_passage_tokens=max_passage_tokens,
                deadline=deadline,
            ),
            self._run(windows, owners, tokenization, deadline),
        )
        scores = self._relevances(results.rows, windows, parts)
        tokens = sum(map(len, windows.encodings))
        timing = Timing(tokenization, results.queue_duration, results.inference_duration)
        if similar is not None:
            scores = scores + similar.scores
            tokens += similar.tokens
            timing = timing.beside(similar.timing)
        cut = {parts.owners[part] for part in windows.truncated}
        return Relevances(
            logits=scores[distinct.numbers],
            windows=self._filled(windows, parts),
            tokens=tokens,
            query_truncated=windows.query_truncated,
            truncated=[i for i, number in enumerate(distinct.numbers) if number in cut],
            timing=timing,
        )

    async def _split(self, passages: Sequence[str], max_tokens: int | None) -> list[list[str]]:
        """Return the sentences of each passage; none where it stands whole, or might be cut."""
        if not self._sentences:
            return [[] for _ in passages]
        # A token has a character at least, but for bytes of rare ones.
        return await asyncio.to_thread(
            lambda: [
                split_passage(text) if max_tokens is None or len(text) <= max_tokens else []
                for text in passages
            ]
        )

    def _relevances(
        self, rows: NDArray[np.float32], windows: Windows, parts: PassageParts
    ) -> NDArray[np.float32]:
        """Return one number a passage, from the outputs of all windows."""
        by_part = best_windows(rows, windows.starts)[parts.distinct.numbers]
        equivalence, contradiction = self._agreeing
        agreements = by_part[:, equivalence] - by_part[:, contradiction]
        return combine_relevances(by_part[:, -1], agreements, parts.counts)

    def _filled(self, windows: Windows, parts: PassageParts) -> int:
        """Return how many windows of the model's length the passages fill, one each at least."""
        lengths = np.add.reduceat([len(window) for window in windows.encodings], windows.starts)
        by_passage = np.zeros(len(parts.counts))
        np.add.at(by_passage, parts.owners, lengths)
        longest = self._engine.tokenizer.max_input_tokens
        return int(np.ceil(by_passage / longest).clip(min=1).sum())

    async def _run(
        self, windows: Windows, places: Sequence[int], tokenization: float, deadline: float | None
    ) -> BatchResults:
        """Run the windows; an error names the passage."""
        owners = np.repeat(places, np.diff([*windows.starts, len(windows.encodings)]))
        with placed((owners + 1).tolist()):
            return await self._engine.run(
                windows.encodings, tokenization=tokenization, deadline=deadline
            )

    async def _compare(
        self,
        query: str,
        distinct: Distinct,
        sentences: Sequence[Sequence[str]],
        *,
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
                sentences,
                direction=direction,
                max_passage_tokens=max_passage_tokens,
                deadline=deadline,
            )

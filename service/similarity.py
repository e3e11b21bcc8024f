"""A query and passages to the cosine of their vectors, as what a reranker starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.distinct import placed
from service.embeddings import Embeddings
from service.encoder import Encoder
from service.encoding import Direction
from service.passage_sentences import blend_cosines
from service.timing import Timing
from service.together import together


@dataclass(frozen=True, slots=True)
class Similarities:
    """How similar the passages of one request are to its query.

    Attributes:
        scores: One a passage: its cosine, scaled; where the sentences are compared too, the mean of
            it and of theirs.
        tokens: Tokens that were run, special tokens included.
        timing: Where the time went.
    """

    scores: NDArray[np.float32]
    tokens: int
    timing: Timing


@dataclass(frozen=True, slots=True)
class Similarity:
    """Compares a query with passages by the encoder's vectors.

    Attributes:
        encoder: The encoder, at the model folder's own negation weight.
        scale: What the cosine is multiplied by.
    """

    encoder: Encoder
    scale: float

    async def score(
        self,
        query: str,
        passages: Sequence[str],
        sentences: Sequence[Sequence[str]],
        *,
        direction: Direction,
        max_passage_tokens: int | None,
        deadline: float | None,
    ) -> Similarities:
        """Score passages; of a long one the encoder reads the beginning, and the sentences given.

        Args:
            query: What is looked for.
            passages: At least one.
            sentences: Those of each passage that are compared too; it may have none.
            direction: The end of a long query that is cut.
            max_passage_tokens: Cut passages after so many tokens.
            deadline: When to give up, on the event loop's clock; None takes `request_timeout`.

        Raises:
            ServiceError: What `Encoder.embed` raises; `index` is 0 for the query and n + 1 for the
                n-th passage.
        """
        asked, found = await together(
            self.encoder.embed([query], truncate=True, direction=direction, deadline=deadline),
            self._embed(passages, sentences, max_passage_tokens, deadline),
        )
        whole, parts = np.split(found.vectors @ asked.vectors[0], [len(passages)])
        cosines = blend_cosines(whole, parts, [len(own) for own in sentences])
        return Similarities(
            scores=np.float32(self.scale) * cosines,
            tokens=asked.tokens + found.tokens,
            timing=asked.timing.beside(found.timing),
        )

    async def _embed(
        self,
        passages: Sequence[str],
        sentences: Sequence[Sequence[str]],
        max_tokens: int | None,
        deadline: float | None,
    ) -> Embeddings:
        """Embed the passages and then their sentences; an error names the passage."""
        texts = [*passages, *(text for own in sentences for text in own)]
        owners = [number for number, own in enumerate(sentences, start=1) for _ in own]
        with placed([*range(1, len(passages) + 1), *owners]):
            return await self.encoder.embed(
                texts, truncate=True, max_tokens=max_tokens, deadline=deadline
            )

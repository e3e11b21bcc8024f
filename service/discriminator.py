"""Pairs of texts to the relation between them: equivalence, contradiction, hedge or neutral."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.encoding import Direction
from service.engine import Engine
from service.errors import InferenceFailed, StartupError
from service.model_spec import PairSpec
from service.timing import Timing
from service.vectors import Rows, softmax


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the discriminator says of one pair.

    Attributes:
        relation: The label of the best score; None where that is under the model's threshold.
        scores: Probability of each label; they sum to 1.
        logits: What they were made of.
        truncated: Whether something of the pair was cut.
    """

    relation: str | None
    scores: dict[str, float]
    logits: dict[str, float]
    truncated: bool


@dataclass(frozen=True, slots=True)
class Judgements:
    """What the discriminator says of the pairs of one request.

    Attributes:
        judgements: One a pair, in the order of the pairs.
        tokens: Tokens that were run, those of both orders and special tokens included.
        timing: Where the time went.
    """

    judgements: list[Judgement]
    tokens: int
    timing: Timing


class PairDiscriminator:
    """Judges pairs with a pair model's logits.

    Args:
        spec: What the model folder says.
        engine: The model, loaded and warm.

    Attributes:
        spec: What the model folder says.
        provider: The ONNX Runtime execution provider that really runs.
        max_characters: Characters of one text that may be read; what is over them is cut first.

    Raises:
        StartupError: The graph gives another number of logits than the folder names labels.
    """

    def __init__(self, spec: PairSpec, engine: Engine) -> None:
        self.spec = spec
        self.provider = engine.provider
        self.max_characters = engine.tokenizer.max_characters
        self._engine = engine
        logits = engine.width - engine.has_side_output
        if logits != len(spec.labels):
            raise StartupError(
                f"{spec.folder}: config.json names {len(spec.labels)} labels,"
                f" the graph gives {logits} logits"
            )

    @property
    def ready(self) -> bool:
        """Whether pairs are being answered now."""
        return self._engine.ready

    async def judge(
        self,
        pairs: Sequence[tuple[str, str]],
        *,
        truncate: bool,
        direction: Direction = "right",
        blanks_allowed: bool = False,
        deadline: float | None = None,
    ) -> Judgements:
        """Judge pairs of texts; the order within a pair makes no difference.

        Args:
            pairs: At least one.
            truncate: Cut the longer text of a pair over the model's maximum, rather than refuse.
            direction: The end at which a text is cut.
            blanks_allowed: Judge texts without content as well.
            deadline: When to give up, on the event loop's clock; None takes `request_timeout`.

        Raises:
            EmptyInput: A text has no content and `blanks_allowed` is off, or there are no pairs.
            InputTooLong: A pair is over the maximum and `truncate` is off.
            Overloaded: The queue is full.
            DeadlineExceeded: The deadline passed.
            InferenceFailed: The model failed on one of the pairs; `index` says which.
            Unavailable: The service is stopping, or its batch loop has died.
        """
        started = time.perf_counter()
        tokenizer = self._engine.tokenizer
        both_orders = (pairs, [(second, first) for first, second in pairs])
        encodings, mirrored = [
            await tokenizer.encode_pairs(
                order, truncate=truncate, direction=direction, blanks_allowed=blanks_allowed
            )
            for order in both_orders
        ]
        tokenization = time.perf_counter() - started
        try:
            results = await self._engine.run(
                [*encodings, *mirrored], tokenization=tokenization, deadline=deadline
            )
        except InferenceFailed as error:
            index = None if error.index is None else error.index % len(pairs)
            raise InferenceFailed(error.message, index=index) from error
        # The relation is symmetric and a cross-encoder is not, so both orders have a say.
        rows = results.rows[:, : len(self.spec.labels)]
        logits = np.float32(0.5) * (rows[: len(pairs)] + rows[len(pairs) :])
        truncated = [encoding.truncated for encoding in encodings]
        return Judgements(
            judgements=self._read(logits, truncated),
            tokens=sum(map(len, (*encodings, *mirrored))),
            timing=Timing(tokenization, results.queue_duration, results.inference_duration),
        )

    def _read(self, logits: Rows, truncated: list[bool]) -> list[Judgement]:
        judgements = []
        rows = zip(softmax(logits), logits, truncated, strict=True)
        for scores, raw, cut in rows:
            by_label = self._by_label(scores)
            best = max(by_label, key=by_label.__getitem__)
            sure = by_label[best] >= self.spec.abstention_threshold
            judgement = Judgement(best if sure else None, by_label, self._by_label(raw), cut)
            judgements.append(judgement)
        return judgements

    def _by_label(self, row: NDArray[np.float32]) -> dict[str, float]:
        return dict(zip(self.spec.labels, row.tolist(), strict=True))

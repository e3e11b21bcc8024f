"""Texts to vectors: the one object that the routes see for embeddings."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from service.distinct import Distinct, placed
from service.embeddings import Embeddings, TokenVectors
from service.encoding import Direction, Encoding, truncated_indices
from service.engine import Engine
from service.errors import (
    InferenceFailed,
    InvalidInput,
    StartupError,
    TooManyInputs,
    WrongModelType,
)
from service.metrics import Metrics
from service.model_folder import CALIBRATION, read_encoder
from service.model_spec import EncoderSpec
from service.quantization import CalibrationRanges
from service.settings import Settings
from service.timing import Timing
from service.vector_form import VectorForm

# Vectors of more numbers than this are finished in a thread: a millisecond or so of arithmetic.
_INLINE_NUMBERS = 250_000


class Encoder:
    """An encoder that is loaded, warm and taking texts. Made by `open`.

    Attributes:
        spec: What the model folder says.
        dimensions: Numbers of a whole vector.
        provider: The ONNX Runtime execution provider that really runs.
        max_input_tokens: Tokens of the longest text that is run whole.
        max_batch_tokens: Tokens of one forward pass, padding included.
        tokenizer: Makes tokens of texts.
    """

    def __init__(self, spec: EncoderSpec, engine: Engine, *, max_token_vectors: int) -> None:
        self.spec = spec
        self.dimensions = engine.width
        self.provider = engine.provider
        self.max_input_tokens = spec.max_input_tokens
        self.max_batch_tokens = engine.max_batch_tokens
        self.tokenizer = engine.tokenizer
        self._max_token_vectors = max_token_vectors
        self._engine = engine
        if spec.two_part is not None and spec.two_part.dimensions != self.dimensions:
            raise StartupError(
                f"{spec.folder}: two_part_config.json gives {spec.two_part.dimensions} dimensions,"
                f" the graph {self.dimensions}"
            )
        if spec.calibration is not None and len(spec.calibration) != self.dimensions:
            raise StartupError(
                f"{spec.folder}: {CALIBRATION} has {len(spec.calibration)} dimensions,"
                f" the graph {self.dimensions}"
            )

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: Settings, executor: Executor, metrics: Metrics
    ) -> AsyncIterator[Encoder]:
        """Load the model, warm it up and take texts until the block ends, then drain.

        Args:
            settings: Names the folder and the limits.
            executor: The one thread that forward passes run on, shared with other models.
            metrics: Where to record.

        Raises:
            StartupError: The folder is no model we can serve, or the device is not to be had.
        """
        spec = read_encoder(settings.model, settings.model_name, settings.max_input_tokens)
        recorder = metrics.for_model(spec.name, encoder=True)
        async with Engine.open(
            spec,
            settings,
            executor,
            recorder,
            pooling=spec.pooling,
            zeros_allowed=False,
            cached_rows=settings.max_cached_vectors,
        ) as engine:
            yield cls(spec, engine, max_token_vectors=settings.max_token_vectors)

    @property
    def ready(self) -> bool:
        """Whether texts are being answered now."""
        return self._engine.ready

    async def embed(
        self,
        texts: Sequence[str],
        *,
        truncate: bool,
        direction: Direction = "right",
        prompt_name: str | None = None,
        normalize: bool = True,
        dimensions: int | None = None,
        negation_weight: float | None = None,
        max_tokens: int | None = None,
        deadline: float | None = None,
    ) -> Embeddings:
        """Embed texts.

        Args:
            texts: At least one.
            truncate: Cut texts over the model's maximum, rather than refuse them.
            direction: The end that is cut.
            prompt_name: The prompt of the model folder to put before each text; None takes the
                folder's default, if it has one.
            normalize: Scale to unit length. A two-part vector has unit length anyway.
            dimensions: Keep the first so many numbers; scaled to unit length after that.
            negation_weight: Share of a two-part vector's dot product that is about polarity, 0 to
                1; None takes the model's own.
            max_tokens: Tokens of a text, its prompt included and special tokens not, that are a
                maximum under the model's; None takes the model's.
            deadline: When to give up, on the event loop's clock; None takes `request_timeout`.

        Raises:
            InvalidInput: A value is out of range, or the prompt is unknown.
            EmptyInput: A text has no content.
            InputTooLong: A text is over the maximum and `truncate` is off.
            Overloaded: The queue is full.
            DeadlineExceeded: The deadline passed.
            InferenceFailed: The model failed on one of the texts; `index` says which.
            Unavailable: The service is stopping, or its batch loop has died.
        """
        form = VectorForm(normalize, dimensions, negation_weight)
        form.check(self.dimensions, self.spec.two_part)
        prompt = self.find_prompt(prompt_name)
        started = time.perf_counter()
        distinct = Distinct.of(texts)
        with placed(distinct.places):
            encodings = await self._engine.tokenizer.encode(
                distinct.texts,
                truncate=truncate,
                direction=direction,
                prompt=prompt,
                max_tokens=max_tokens,
            )
            tokenization = time.perf_counter() - started
            results = await self._engine.run(
                encodings, tokenization=tokenization, deadline=deadline
            )
        vectors = await self._finish(results.rows, form)
        encodings = distinct.for_all(encodings)
        return Embeddings(
            vectors=vectors if len(vectors) == len(texts) else vectors[distinct.numbers],
            token_counts=[len(encoding) for encoding in encodings],
            truncated=truncated_indices(encodings),
            timing=Timing(tokenization, results.queue_duration, results.inference_duration),
        )

    def calibration(
        self, *, dimensions: int | None = None, negation_weight: float | None = None
    ) -> CalibrationRanges:
        """Return the range that the unit vectors keep which `embed` gives for the same arguments.

        Raises:
            InvalidInput: A value is out of range, or the model folder has no ranges.
        """
        VectorForm(True, dimensions, negation_weight).check(self.dimensions, self.spec.two_part)
        ranges = self.spec.calibration
        if ranges is None:
            raise InvalidInput(
                f"`embedding_types`: int8 and uint8 need {CALIBRATION} in the model folder, and"
                f" {self.spec.name} has none",
                param="embedding_types",
            )
        two_part = self.spec.two_part
        if two_part is None:
            return ranges.adapt(dimensions).shared()
        return ranges.adapt_to_each(dimensions, two_part.scales(negation_weight)).shared()

    async def embed_tokens(
        self,
        texts: Sequence[str],
        *,
        truncate: bool,
        direction: Direction = "right",
        prompt_name: str | None = None,
        deadline: float | None = None,
    ) -> TokenVectors:
        """Give the vector of each token, as the graph gives it.

        The arguments are those of `embed`.

        Raises:
            WrongModelType: The graph gives one vector a text only.
            TooManyInputs: There are more tokens than the operator allows.
            ServiceError: What `embed` raises.
        """
        if not self._engine.gives_token_vectors:
            raise WrongModelType(
                f"the model {self.spec.name} gives no vectors of tokens:"
                " its graph has one vector a text"
            )
        prompt = self.find_prompt(prompt_name)
        started = time.perf_counter()
        distinct = Distinct.of(texts)
        with placed(distinct.places):
            encodings = await self.tokenizer.encode(
                distinct.texts, truncate=truncate, direction=direction, prompt=prompt
            )
        tokenization = time.perf_counter() - started
        tokens = sum(map(len, distinct.for_all(encodings)))
        if tokens > self._max_token_vectors:
            raise TooManyInputs(
                f"`inputs`: {tokens} tokens, each with a vector,"
                f" are over the limit of {self._max_token_vectors}",
                param="inputs",
            )
        asking = [replace(encoding, token_vectors=[]) for encoding in encodings]
        with placed(distinct.places):
            results = await self._engine.run(asking, tokenization=tokenization, deadline=deadline)
            vectors = _token_vectors(asking)
        return TokenVectors(
            vectors=distinct.for_all(vectors),
            truncated=truncated_indices(distinct.for_all(encodings)),
            timing=Timing(tokenization, results.queue_duration, results.inference_duration),
        )

    def find_prompt(self, name: str | None) -> str:
        """Return the prompt of this name, or the model folder's default; none is empty.

        Raises:
            InvalidInput: The model has no such prompt.
        """
        name = self.spec.default_prompt_name if name is None else name
        if name is None:
            return ""
        if name not in self.spec.prompts:
            known = ", ".join(sorted(self.spec.prompts)) or "none"
            raise InvalidInput(
                f"`prompt_name` {name!r} is not a prompt of this model; known: {known}",
                param="prompt_name",
            )
        return self.spec.prompts[name]

    async def _finish(self, rows: NDArray[np.float32], form: VectorForm) -> NDArray[np.float32]:
        if rows.size <= _INLINE_NUMBERS:
            return form.apply(rows, self.spec.two_part)
        return await asyncio.to_thread(form.apply, rows, self.spec.two_part)


def _token_vectors(encodings: Sequence[Encoding]) -> list[NDArray[np.float32]]:
    """Return what the forward passes left.

    Raises:
        InferenceFailed: A vector is not finite.
    """
    found = []
    for index, encoding in enumerate(encodings):
        assert encoding.token_vectors is not None
        (vectors,) = encoding.token_vectors
        if not np.isfinite(vectors).all():
            raise InferenceFailed("the model's output is not finite", index=index)
        found.append(vectors)
    return found

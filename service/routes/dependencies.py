"""What the routes are given: the models, the settings, the clock of their request."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass
from typing import Annotated, Self, cast

from fastapi import Depends, Request

from service.discriminator import PairDiscriminator
from service.encoder import Encoder
from service.errors import InvalidInput, Unavailable, WrongModelType
from service.model_folder import RELEVANCE
from service.reranker import Reranker
from service.runtime import Runtime
from service.settings import Settings

TIMEOUT_HEADER = "x-request-timeout-ms"

_NO_PAIR_MODEL = "no pair model is loaded: start the server with --pair-model"


@dataclass(frozen=True, slots=True)
class Call:
    """One inference request.

    Attributes:
        settings: The settings of this process.
        started: When its headers were read, in `time.perf_counter` seconds.
        timeout: Seconds that it may take in all.
        deadline: When it has to be answered, on the event loop's clock.
    """

    settings: Settings
    started: float
    timeout: float
    deadline: float

    @classmethod
    def begin(cls, settings: Settings, asked: str | None = None) -> Self:
        """Start the clock of a request, before its body is read.

        Args:
            settings: Say how long a request may take at most.
            asked: The milliseconds that the client would wait; None waits the most.

        Raises:
            InvalidInput: The client's wish is no number of milliseconds.
        """
        timeout = min(_asked_seconds(asked), settings.request_timeout)
        deadline = asyncio.get_running_loop().time() + timeout
        return cls(settings, started=time.perf_counter(), timeout=timeout, deadline=deadline)

    def truncate(self, asked: bool | None) -> bool:
        """Tell whether texts are cut, where the request says `asked`."""
        return self.settings.auto_truncate if asked is None else asked


def _asked_seconds(asked: str | None) -> float:
    if asked is None:
        return math.inf
    if not (asked.isascii() and asked.isdecimal() and 0 < len(asked) <= 12 and int(asked)):
        raise InvalidInput(
            f"the header `{TIMEOUT_HEADER}` must be a positive number of milliseconds",
            param=TIMEOUT_HEADER,
        )
    return int(asked) / 1000


# `Arguments` awaits them; and FastAPI, which asks them for the other routes, would run plain
# functions in a thread, which costs more than these do: hence `async`.
async def get_runtime(request: Request) -> Runtime:
    """Return the holder of the models, loaded or not."""
    return cast(Runtime, request.app.state.runtime)


RuntimeDep = Annotated[Runtime, Depends(get_runtime)]


async def get_call(request: Request) -> Call:
    """Return the call that `JsonRoute` began."""
    return cast(Call, request.state.call)


async def get_encoder(runtime: RuntimeDep) -> Encoder:
    """Return the encoder.

    Raises:
        Unavailable: It is not loaded.
    """
    if runtime.encoder is None:
        raise Unavailable(f"the model is not ready: {runtime.state}")
    return runtime.encoder


CallDep = Annotated[Call, Depends(get_call)]
EncoderDep = Annotated[Encoder, Depends(get_encoder)]


async def get_discriminator(runtime: RuntimeDep, encoder: EncoderDep) -> PairDiscriminator:
    """Return the pair discriminator.

    Raises:
        Unavailable: The models are not loaded.
        WrongModelType: They are, and no pair discriminator is among them.
    """
    if runtime.discriminator is None:
        raise WrongModelType(_NO_PAIR_MODEL)
    return runtime.discriminator


async def get_reranker(runtime: RuntimeDep, encoder: EncoderDep) -> Reranker:
    """Return the reranker.

    Raises:
        Unavailable: The models are not loaded.
        WrongModelType: They are, and no pair model with a relevance output is among them.
    """
    if runtime.reranker is not None:
        return runtime.reranker
    if runtime.discriminator is None:
        raise WrongModelType(_NO_PAIR_MODEL)
    raise WrongModelType(
        f"the pair model {runtime.discriminator.spec.name} does not rerank:"
        f" its graph has no output {RELEVANCE!r}"
    )


DiscriminatorDep = Annotated[PairDiscriminator, Depends(get_discriminator)]
RerankerDep = Annotated[Reranker, Depends(get_reranker)]

"""The models of one process, from the start of their loading to their closing.

They load while the listener is already open, so that readiness can be asked for meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Literal

from service.discriminator import PairDiscriminator
from service.encoder import Encoder
from service.metrics import Metrics
from service.pair_model import PairModel
from service.reranker import Reranker
from service.settings import Settings
from service.token_decoder import TokenDecoder

State = Literal["loading", "ready", "failed", "stalled", "draining"]


class Runtime:
    """Loads the models in the background, holds them, and closes them.

    Args:
        settings: The settings of this process.
        metrics: Where the models record.
        on_settled: Called once, when the models are loaded or their loading has failed.

    Attributes:
        settings: The settings of this process.
        metrics: Where the models record.
        created: When this object was made, in Unix seconds.
        token_decoder: Reads the token ids that OpenAI's clients send.
        encoder: The encoder, once it is loaded.
        discriminator: The pair discriminator, once it is loaded; None where none is served.
        reranker: The reranker, once it is loaded; None where none is served.
        failure: What ended the loading, where something did.
        draining: Whether the process is about to stop, and takes no new work.
        in_flight: Requests for work that are being answered.
    """

    def __init__(
        self, settings: Settings, metrics: Metrics, on_settled: Callable[[Runtime], None]
    ) -> None:
        self.settings = settings
        self.metrics = metrics
        self.created = time.time()
        self.token_decoder = TokenDecoder(settings.token_encoding)
        self.encoder: Encoder | None = None
        self.discriminator: PairDiscriminator | None = None
        self.reranker: Reranker | None = None
        self.failure: BaseException | None = None
        self.draining = False
        self.in_flight = 0
        self._on_settled = on_settled
        self._closing = asyncio.Event()

    @property
    def state(self) -> State:
        """Where the models stand.

        `stalled`: a batch loop has died, a forward pass is stuck, or every one of them fails.
        """
        if self.draining:
            return "draining"
        if self.failure is not None:
            return "failed"
        if self.encoder is None:
            return "loading"
        engines = (self.encoder, self.discriminator)
        return "ready" if all(engine is None or engine.ready for engine in engines) else "stalled"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Start loading; on exit give up loading, or drain and close what was loaded."""
        holder = asyncio.create_task(self._hold())
        holder.add_done_callback(self._ended)
        try:
            yield
        finally:
            if self.encoder is None:
                holder.cancel()
            self._closing.set()
            await asyncio.wait([holder])

    async def _hold(self) -> None:
        # One task enters and leaves every context, as cancel scopes require.
        async with AsyncExitStack() as stack:
            # One thread: two sessions that run at once would compete for the same cores.
            executor = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="inference"))
            # A pair model that is not there is told at once, not after the encoder has loaded.
            self.settings.find_pair_model()
            shared = (self.settings, executor, self.metrics)
            encoder = await stack.enter_async_context(Encoder.open(*shared))
            pair_model = await stack.enter_async_context(PairModel.open(*shared, encoder))
            if pair_model is not None:
                self.discriminator, self.reranker = pair_model.discriminator, pair_model.reranker
            self.encoder = encoder
            self._on_settled(self)
            await self._closing.wait()

    def _ended(self, holder: asyncio.Task[None]) -> None:
        self.encoder = self.discriminator = self.reranker = None
        self.failure = None if holder.cancelled() else holder.exception()
        if self.failure is not None:
            self._on_settled(self)

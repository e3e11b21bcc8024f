"""Notices a forward pass that outlives its bound. The pass itself cannot be interrupted."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)


class Watchdog:
    """Watches one forward pass at a time.

    Args:
        bound: Seconds that a pass may take; for a model that shares its thread, with the wait for
            the other model's pass.
        on_stuck: Called once for a pass that takes longer.

    Attributes:
        stuck: Whether the pass under way has outlived the bound.
    """

    def __init__(self, bound: float, on_stuck: Callable[[], None]) -> None:
        self.stuck = False
        self._bound = bound
        self._on_stuck = on_stuck

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Watch the pass that the block awaits."""
        started = time.monotonic()
        timer = asyncio.get_running_loop().call_later(self._bound, self._bark)
        try:
            yield
        finally:
            timer.cancel()
            if self.stuck:
                seconds = time.monotonic() - started
                logger.warning("the stuck forward pass has ended after %.1f s", seconds)
            self.stuck = False

    def _bark(self) -> None:
        logger.critical("a forward pass has taken more than %g s: it is stuck", self._bound)
        self.stuck = True
        self._on_stuck()

"""uvicorn, set up to stop in a bounded time and to bound what a connection may cost."""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from fastapi import FastAPI
from prometheus_client import start_http_server

from service.connection import bounded_protocol
from service.errors import StartupError
from service.metrics import Metrics
from service.runtime import Runtime
from service.settings import Settings

BACKLOG = 2048  # connections that may wait to be accepted; uvicorn's own default

# Seconds over `shutdown_timeout` in which the process ends whatever is stuck in it.
_LAST_RESORT = 5.0


class Server(uvicorn.Server):
    """A server that goes on listening while it drains, so that probes and clients are told.

    The first signal lets the work in hand end, within `shutdown_timeout`; a second one ends the
    process at once. A forward pass that never returns cannot keep it alive either.

    Args:
        app: The application, made by `create_app`.
        settings: The settings of this process.
    """

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        super().__init__(_uvicorn_config(app, settings))
        self._runtime: Runtime = app.state.runtime
        self._timeout = settings.shutdown_timeout
        self._drain_until: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain; on the second signal, end now."""
        if self._drain_until is not None:
            sys.stderr.write("litotes: stopped by a second signal\n")
            sys.stderr.flush()
            os._exit(128 + sig)
        self._drain_until = time.monotonic() + self._timeout
        self._runtime.draining = True
        last_resort = threading.Timer(self._timeout + _LAST_RESORT, _end)
        last_resort.daemon = True
        last_resort.start()

    async def on_tick(self, counter: int) -> bool:
        """Tell whether it is time to exit; asked ten times a second."""
        if self._drain_until is not None:
            late = time.monotonic() >= self._drain_until
            if late:
                self.config.timeout_graceful_shutdown = 0
            if late or not self._runtime.in_flight:
                self.should_exit = True
        return await super().on_tick(counter)


@contextmanager
def metrics_listener(settings: Settings, metrics: Metrics) -> Iterator[None]:
    """Give the metrics on their own port during the block, if they have one.

    Raises:
        StartupError: The port cannot be listened on.
    """
    if settings.metrics_port is None:
        yield
        return
    host, port = settings.host, settings.metrics_port
    try:
        server, _ = start_http_server(port, host, registry=metrics.registry)
    except OSError as error:
        raise StartupError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def _end() -> None:
    sys.stderr.write("litotes: did not stop in time, something is stuck\n")
    sys.stderr.flush()
    os._exit(1)


def _uvicorn_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=bounded_protocol(
            max_head_bytes=settings.max_head_bytes,
            head_timeout=settings.head_timeout,
            send_timeout=settings.request_timeout,
        ),
        ws="none",
        lifespan="on",
        log_config=None,  # uvicorn's loggers hand on to ours
        # Its steps at start and stop are news only to who debugs them.
        log_level="warning" if settings.log_level == "info" else settings.log_level,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=math.ceil(settings.shutdown_timeout),
    )

"""A real server on a free port of the loopback interface, for tests."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from service.app import create_app
from service.server import Server
from service.settings import Settings


@contextmanager
def serving(settings: Settings, *, wait_until_loaded: bool = True) -> Iterator[str]:
    """Serve from a thread; yields the URL, and stops the server afterwards."""
    settled = threading.Event()
    app = create_app(settings, lambda _: settled.set())
    server = Server(app, settings)
    listener = socket.create_server(("127.0.0.1", 0))
    host, port = listener.getsockname()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        if wait_until_loaded:
            assert settled.wait(30), "the models did not load"
            assert app.state.runtime.failure is None
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive(), "the server did not stop"

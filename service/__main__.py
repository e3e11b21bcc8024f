"""Starts the service: `python -m service`."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Sequence

from service.app import create_app
from service.errors import StartupError
from service.logs import set_up_logs
from service.runtime import Runtime
from service.server import BACKLOG, Server, metrics_listener
from service.settings import Settings, read_settings

_EXAMPLES = """
each option may be given in the environment instead: --max-batch-tokens is LITOTES_MAX_BATCH_TOKENS

examples:
  python -m service
  python -m service --host 0.0.0.0 --port 80 --device cuda
  python -m service --model path/to/all-MiniLM-L6-v2 --pair-model none
  LITOTES_LOG_LEVEL=debug python -m service
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT, and return the exit status.

    Args:
        arguments: The command line without the program's name; None takes the process's own.
    """
    try:
        serve(_read_settings(sys.argv[1:] if arguments is None else arguments))
    except StartupError as error:
        sys.stderr.write(f"litotes: {error}\n")
        return 1
    return 0


def _read_settings(arguments: Sequence[str]) -> Settings:
    try:
        return read_settings(arguments)
    finally:
        if {"-h", "--help"}.intersection(arguments):
            sys.stdout.write(_EXAMPLES)


def serve(settings: Settings) -> None:
    """Listen, load the models, and serve until a signal comes.

    Raises:
        StartupError: The address cannot be listened on, or a model cannot be loaded.
    """
    set_up_logs(settings)
    listener = _listen(settings.host, settings.port)
    host, port = listener.getsockname()[:2]

    def settled(runtime: Runtime) -> None:
        if runtime.failure is None:
            _welcome(settings, host, port)
        else:
            server.should_exit = True

    app = create_app(settings, settled)
    server = Server(app, settings)
    for number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn sets them only once it runs, and sets back what was there when it has stopped.
        signal.signal(number, server.handle_exit)
    with metrics_listener(settings, app.state.runtime.metrics):
        server.run(sockets=[listener])
    if app.state.runtime.failure is not None:
        raise app.state.runtime.failure


def _listen(host: str, port: int) -> socket.socket:
    """Take the port now, so that one in use is found before the models are loaded."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        # `create_server` adds the address to the reason, in a form of its own.
        reason = (error.strerror or str(error)).partition(" (while")[0]
        raise StartupError(f"cannot listen on {host}:{port}: {reason}") from error


def _welcome(settings: Settings, host: str, port: int) -> None:
    """Say that the service is ready, and how to try it."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    url = f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"
    sys.stdout.write(
        f"{settings.model_name} is ready on {url} - try:\n"
        f"""curl {url}/similarity -d '{{"source_sentence": "The meeting was cancelled.","""
        """ "sentences": ["The meeting did not take place.","""
        """ "The meeting was not cancelled."]}'\n"""
    )
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

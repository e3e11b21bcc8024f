"""The servers to compare: ours, our peers, and any URL that speaks a contract we know."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast, get_args

from benchmarks.calls import Contract
from benchmarks.environments import PEERS, Environment
from benchmarks.server import HOST, ROOT, Server, litotes_command, running

_INFINITY = Environment("infinity")
_PLAIN = Environment("plain")
# Peers look for nothing on a hub, and tell nobody that they ran.
_OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "DO_NOT_TRACK": "1",
    "INFINITY_ANONYMOUS_USAGE_STATS": "0",
    "TOKENIZERS_PARALLELISM": "false",
}


@dataclass(frozen=True)
class Folders:
    """What the servers load.

    Attributes:
        model: The encoder that all of them serve.
        released: Litotes' own encoder.
        pair: Litotes' own pair model.
    """

    model: Path
    released: Path
    pair: Path


@dataclass(frozen=True)
class Target:
    """A server to measure.

    Attributes:
        name: What it is called in the figures.
        contract: How it is spoken to.
        url: Where it is, for one that others have started.
        command: Else the command line that starts it on a port.
        environment: What that runs in, if not in ours.
        ready_path: What answers 200 once it takes texts.
        variables: Environment variables to start it with.
        folder: Where it runs; None means in the repository.
        comparable: Whether it serves the model that the others serve.
        only: The scenarios it is measured in; none means all that its contract knows.
    """

    name: str
    contract: Contract
    url: str | None = None
    command: Callable[[int], list[str]] | None = None
    environment: Environment | None = None
    ready_path: str = "/health"
    variables: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    comparable: bool = True
    only: tuple[str, ...] = ()

    @contextmanager
    def running(self, logs: Path, port: int) -> Iterator[Server]:
        """Start it until the block ends, or go to where it is.

        Args:
            logs: Folder for what it says.
            port: Where to start it.

        Raises:
            SetupFailed: Its environment cannot be made.
            ServerFailed: It does not start.
        """
        if self.command is None:
            yield Server(self.url or "")
            return
        if self.environment is not None:
            self.environment.make()
        with running(
            self.command(port),
            port,
            ready_path=self.ready_path,
            log=logs / f"{self.name}.log",
            environment=self.variables,
            folder=self.folder or ROOT,
        ) as server:
            yield server


def built_in(folders: Folders) -> dict[str, Target]:
    """Return the targets that the benchmark can start itself, by name."""
    targets = (
        _litotes("litotes", folders.model, None, comparable=True),
        _litotes("litotes-float32", folders.model, None, comparable=True, device="cpu"),
        _infinity("infinity-optimum", folders.model),
        _infinity("infinity-torch", folders.model),
        _plain(folders.model),
        _echo(),
        _litotes("litotes-released", folders.released, folders.pair, comparable=False),
    )
    return {target.name: target for target in targets}


def parse_target(text: str, known: Mapping[str, Target]) -> Target:
    """Read `name` of a built-in target, or `name=contract:http://host:port/prefix`.

    Raises:
        ValueError: It is neither; the message says what would be.
    """
    name, equals, place = text.partition("=")
    if not equals:
        if name in known:
            return known[name]
        raise ValueError(f"no target is called {name!r}; known: {', '.join(known)}")
    contract, _, url = place.partition(":")
    if contract not in get_args(Contract) or not url.startswith("http://"):
        contracts = "|".join(get_args(Contract))
        raise ValueError(f"{text!r} is not name=contract:http://host:port, contract {contracts}")
    return Target(name, cast(Contract, contract), url.rstrip("/"), comparable=False)


def _litotes(
    name: str, model: Path, pair: Path | None, *, comparable: bool, device: str = "auto"
) -> Target:
    options = ("--device", device)
    return Target(
        name,
        "litotes",
        command=lambda port: litotes_command(model, pair, port, options=options),
        ready_path="/health/ready",
        comparable=comparable,
    )


def _infinity(name: str, model: Path) -> Target:
    def command(port: int) -> list[str]:
        options = {
            # Its ONNX engine does not find the graph of a folder that is given by a longer path.
            "--model-id": ".",
            "--served-model-name": "default",
            "--engine": name.partition("-")[2],
            "--device": "cpu",
            "--dtype": "float32",
            "--host": HOST,
            "--port": str(port),
            "--url-prefix": "/v1",
            "--log-level": "warning",
        }
        return [
            _INFINITY.program("infinity_emb"),
            "v2",
            *(part for o in options.items() for part in o),
        ]

    return Target(
        name,
        "openai",
        command=command,
        environment=_INFINITY,
        variables=_OFFLINE,
        folder=model,
    )


def _plain(model: Path) -> Target:
    return Target(
        "plain",
        "tei",
        command=lambda port: _uvicorn(_PLAIN.program("python"), "plain_server:app", port, PEERS),
        environment=_PLAIN,
        variables={**_OFFLINE, "MODEL": str(model)},
    )


def _echo() -> Target:
    return Target(
        "echo",
        "echo",
        command=lambda port: _uvicorn(sys.executable, "benchmarks.echo:app", port, Path()),
    )


def _uvicorn(python: str, app: str, port: int, folder: Path) -> list[str]:
    command = [python, "-m", "uvicorn", app, "--host", HOST, "--port", str(port)]
    return [*command, "--no-access-log", "--log-level", "warning", "--app-dir", str(folder)]

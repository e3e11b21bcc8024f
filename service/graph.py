"""What a backend asks of a graph that is loaded, whichever runtime loaded it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

Shape = tuple[int | None, ...]


class Graph(Protocol):
    """A graph that is loaded and ready to run.

    Attributes:
        inputs: Names of the inputs.
        outputs: Shapes of the outputs by name; what only a run shows is None.
        provider: What really runs it.
    """

    inputs: list[str]
    outputs: dict[str, Shape]
    provider: str

    def run(self, outputs: Sequence[str], feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Run one forward pass and return the outputs that are asked for."""
        ...

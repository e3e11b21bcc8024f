"""How cost grows: with the length of texts, the size of lists, the clients and what is queued."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.calls import Call, Contract
from benchmarks.measurement import Offer, measure
from benchmarks.server import Server
from benchmarks.workloads import Drawing

_TEXT_TOKENS = 64
_LIST = 32
_CALLS = 8  # distinct ones of each point


@dataclass(frozen=True)
class Curve:
    """One thing that grows while the rest stays.

    Attributes:
        name: What grows.
        points: Its values.
        size: Texts of a call at a value.
        tokens: Tokens of a text there.
        clients: Clients there.
    """

    name: str
    points: tuple[int, ...]
    size: Callable[[int], int] = lambda _: _LIST
    tokens: Callable[[int], int] = lambda _: _TEXT_TOKENS
    clients: Callable[[int], int] = lambda _: 2


CURVES = (
    Curve("tokens of a text", (8, 16, 32, 64, 128, 256, 400), tokens=lambda value: value),
    Curve("texts of a call", (1, 2, 4, 8, 16, 32, 64, 128, 256, 512), size=lambda value: value),
    Curve(
        "clients", (1, 2, 4, 8, 16, 32, 64, 128, 256), size=lambda _: 1, clients=lambda value: value
    ),
    Curve(
        "texts queued",
        (16, 64, 256, 1024, 4096),
        size=lambda value: value // 8,
        tokens=lambda _: 16,
        clients=lambda _: 8,
    ),
)


def measure_growth(
    server: Server,
    contract: Contract,
    drawing: Drawing,
    seconds: float,
    say: Callable[[str], None] = print,
) -> dict[str, dict[int, dict[str, Any]]]:
    """Measure all curves on one server, and return its figures by curve and value.

    Raises:
        ValueError: The contract embeds nothing.
    """
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for curve in CURVES:
        found[curve.name] = {}
        for point in curve.points:
            say(f"growth: {curve.name} {point}")
            offer = Offer("point", clients=curve.clients(point))
            calls = {"point": draw_point(drawing, curve, point)}
            figures = measure(server, contract, [offer], calls, seconds)
            if figures is None:
                raise ValueError(f"the {contract} contract embeds nothing")
            found[curve.name][point] = figures["point"]
    return found


def draw_point(drawing: Drawing, curve: Curve, point: int) -> list[Call]:
    """Draw the calls of one point: texts of one length, in lists of one size."""
    size, tokens = curve.size(point), curve.tokens(point)
    return [
        drawing.embedding([drawing.passage(tokens) for _ in range(size)]) for _ in range(_CALLS)
    ]

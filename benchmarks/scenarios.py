"""The situations that servers are compared in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.calls import Call
from benchmarks.ceilings import Ceiling
from benchmarks.measurement import Offer
from benchmarks.workloads import Drawing

# Enough calls that none comes twice in a short run, and few enough to be drawn in a second or two.
_TOKENS = {
    "short": 10_000,
    "ingestion": 250_000,
    "mixed": 150_000,
    "pairs": 20_000,
    "rerank": 60_000,
}


@dataclass(frozen=True)
class Scenario:
    """Load of one kind.

    Attributes:
        name: What it is called.
        meaning: What a reader has to know of it.
        offers: What is offered at the same time.
        ceilings: What there is to reach on the same texts.
    """

    name: str
    meaning: str
    offers: tuple[Offer, ...]
    ceilings: tuple[Ceiling, ...] = ()

    def row(self, workload: str) -> str:
        """Return the name of the figures of one of its streams."""
        return self.name if len(self.offers) == 1 else f"{self.name}: {workload}"


def make_scenarios(rate: float, clients: int | None = None) -> dict[str, Scenario]:
    """Return all scenarios by name.

    Args:
        rate: Queries a second where they arrive at a constant rate.
        clients: How many there are in closed streams of more than one; None leaves each its own.
    """

    def closed(workload: str, own: int) -> Offer:
        return Offer(workload, clients=clients or own)

    scenarios = (
        Scenario("lone", "one client asks single short queries", (Offer("short"),), ("lone",)),
        Scenario("short", "many clients ask single short queries", (closed("short", 16),)),
        Scenario(
            "arrivals",
            f"{rate:g} short queries a second arrive, answered or not",
            (Offer("short", "open", rate=rate),),
        ),
        Scenario(
            "ingestion",
            "clients send lists of 32 to 512 passages of 20 to 400 tokens",
            (closed("ingestion", 4),),
            ("engine", "tokenizer"),
        ),
        Scenario(
            "mixed",
            "four queries in five calls, else small batches and lists",
            (closed("mixed", 8),),
            ("engine",),
        ),
        Scenario(
            "interference",
            "5 short queries a second arrive while two clients send lists",
            (Offer("short", "open", rate=5), Offer("ingestion", clients=2)),
        ),
        Scenario("pairs", "clients check 1 to 8 pairs", (closed("pairs", 4),)),
        Scenario("rerank", "clients rank 50 passages", (closed("rerank", 2),)),
    )
    return {scenario.name: scenario for scenario in scenarios}


def draw_calls(scenarios: Sequence[Scenario], drawing: Drawing) -> dict[str, list[Call]]:
    """Draw the calls of every workload that the scenarios offer."""
    wanted = {offer.workload for scenario in scenarios for offer in scenario.offers}
    return {name: drawing.calls(name, _TOKENS[name]) for name in sorted(wanted)}

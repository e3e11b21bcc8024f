"""The probes' figures as rows of a table, in the order in which they are printed and drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import reduce
from typing import Any, Literal, NamedTuple

from training.probing.direction import PAIRS
from training.probing.length import BUDGETS, POSITIONS
from training.probing.sensitivity import CHANGES

Better = Literal["lower", "higher"]

DECISIONS = {"same_over_negated": "same above negated", "own_passage": "own passage"}
INTERVENTIONS = {
    "deletion": "negation taken out",
    "insertion": "negation put in",
    "insertion_in_anchor": "negation put into the anchor",
}
HEDGING = {
    "same_over_hedged": ("same above hedged", 0.5),
    "hedged_over_negated": ("hedged above negated", 0.5),
    "hedged_over_neutral": ("hedged above neutral", 0.5),
    "between": ("hedged between same and negated", 1 / 6),
}


class Row(NamedTuple):
    """A figure of the table.

    Args:
        label: What the table calls it.
        path: Where it stands in the figures.
        better: Which way is good; None for what is neither, such as a shift.
        chance: What guessing gives.
    """

    label: str
    path: tuple[str, ...]
    better: Better | None = None
    chance: float | None = None


def rows() -> list[Row]:
    """The rows of the table."""
    consistency = [
        Row("contradiction index", ("consistency", "contradiction_index"), "lower", 0.5),
        Row("polarity consistency", ("consistency", "polarity_consistency")),
    ]
    flips = [
        Row(
            f"flips by {change.replace('_', ' ')}: {label}",
            ("sensitivity", change, kind, "flipped"),
            "lower",
        )
        for change in CHANGES
        for kind, label in DECISIONS.items()
    ]
    length = [
        Row(
            f"contrasts at {budget} tokens",
            ("length", "tokens", str(budget), "pairwise_accuracy"),
            "higher",
            0.25,
        )
        for budget in BUDGETS
    ]
    position = [
        Row(
            f"contrasts reversed in the {third}",
            ("length", "position", third, "pairwise_accuracy"),
            "higher",
            0.25,
        )
        for third in POSITIONS
    ]
    direction = [
        Row(
            f"polarity direction, AUC {near}/{far}",
            ("direction", "auc", f"{near}/{far}"),
            "higher",
            0.5,
        )
        for near, far in PAIRS
    ]
    hedging = [
        Row(label, ("hedging", key), "higher", chance) for key, (label, chance) in HEDGING.items()
    ]
    return [*consistency, *flips, *interventions(), *length, *position, *direction, *hedging]


def interventions() -> list[Row]:
    """Two rows for each intervention and relation: the share that moves right, and the shift."""
    return [
        row
        for kind, label in INTERVENTIONS.items()
        for relation in ("same", "negated")
        for row in (
            Row(
                f"{label}: {relation} moves right",
                ("intervention", kind, relation, "right_way"),
                "higher",
                0.5,
            ),
            Row(
                f"{label}: {relation}, shift x 100", ("intervention", kind, relation, "mean_shift")
            ),
        )
    ]


def figure(figures: Mapping[str, Any], row: Row) -> float:
    """The figure of a row, in the tables that the probes give; nan where there was nothing."""
    found: Any = reduce(lambda table, key: table[key], row.path, figures)
    return math.nan if found is None else float(found)


def column(figures: Mapping[str, Any]) -> dict[str, float]:
    """All figures of the table by their label."""
    return {row.label: figure(figures, row) for row in rows()}

"""The order in which a run meets its rows: by how hard their negatives are, or as they were drawn.

MGH (arXiv 2509.00842) trains on easy negatives first and on hard ones last, and found that better
than a random order, and the reverse worse. Its negatives come in four levels from a language
model; its schedule was not found. A reading of it: the rows of each kind are cut into as many
stages of equal length by how similar in words their negatives are. Within a stage they stay in the
order in which they were drawn, so that no two rows of one source come near each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from training.row import Row
from training.words import overlap

CURRICULA = ("easy-to-hard", "hard-to-easy")
STAGES = 4


class Sides(NamedTuple):
    """The column that a row's negatives are held against, and what their columns begin with."""

    anchor: str
    negatives: str


# The kinds whose rows have negatives of their own. Of two near-twin passages, each is the other's.
SIDES = {
    "groups": Sides("anchor", "negated"),
    "counterfactuals": Sides("anchor", "negated"),
    "contrasts": Sides("doc_a", "doc_b"),
    "exclusions": Sides("query", "violating"),
    "inclusions": Sides("query", "violating"),
    "keywords": Sides("query", "violating"),
    "triplets": Sides("anchor", "negative"),
    "surface": Sides("anchor", "negative"),
    "substitutions": Sides("anchor", "negative"),
}


def arranged(rows: Sequence[Row], kind: str, curriculum: str | None) -> list[Row]:
    """Put the rows of a run in the order of a curriculum.

    Args:
        rows: All rows of one kind, as they were drawn.
        kind: Their kind; one without negatives keeps its order.
        curriculum: One of `CURRICULA`, or None for the order in which they were drawn.
    """
    if curriculum is None or kind not in SIDES:
        return list(rows)
    hardest_last = np.argsort([hardness(row, SIDES[kind]) for row in rows], kind="stable")
    order = hardest_last if curriculum == "easy-to-hard" else hardest_last[::-1]
    stages = np.array_split(order, STAGES)
    return [rows[place] for stage in stages for place in np.sort(stage)]


def hardness(row: Row, sides: Sides) -> float:
    """Mean word overlap of a row's negatives with what they are negatives of, 0 to 1.

    The more words a negative shares, the nearer an encoder puts it that goes by words.
    """
    negatives = [text for column, text in row.items() if column.startswith(sides.negatives)]
    found = [overlap(str(row[sides.anchor]), str(text)) for text in negatives]
    return sum(found) / len(found)

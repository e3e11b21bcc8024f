"""How pictures are drawn and saved: alike all over, and the same figures give the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

# Text can be read and searched, and names of parts do not depend on chance.
SETTINGS: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "litotes", "font.size": 9}


@contextmanager
def drawing(path: Path) -> Iterator[Figure]:
    """Give an empty figure to draw into, and save it as SVG once that is done.

    Args:
        path: Where to; folders that are missing are made.
    """
    with rc_context(SETTINGS):
        figure = Figure(layout="constrained")
        yield figure
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="svg", metadata={"Date": None})

"""The pictures of the datasheet: lengths, cue balance, and what the classifiers can tell."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from training.picture import drawing

LENGTHS, CUES, SHORTCUTS = "lengths.svg", "cues.svg", "shortcuts.svg"
COLOURS = ("#0072b2", "#d55e00")
GREY = "#999999"


def draw(audit: Mapping[str, Any], folder: Path) -> None:
    """Draw every picture into a folder; the same figures give the same bytes."""
    parts = {LENGTHS: draw_lengths, CUES: draw_cues, SHORTCUTS: draw_shortcuts}
    for name, draw_part in parts.items():
        with drawing(folder / name) as figure:
            draw_part(figure.subplots(), audit)
            height = len(figure.axes[0].get_yticks())
            figure.set_size_inches(6.4, 1.0 + 0.2 * height)


def draw_lengths(axes: Axes, audit: Mapping[str, Any]) -> None:
    """Words of a text by role: median, middle half, and all but a twentieth at either end."""
    roles = by_role(audit["lengths"])
    for place, figures in enumerate(roles.values()):
        axes.plot([figures["p5"], figures["p95"]], [place, place], color=GREY, linewidth=1)
        axes.plot([figures["p25"], figures["p75"]], [place, place], color=COLOURS[0], linewidth=4)
        axes.plot(figures["p50"], place, color="white", marker="|", markersize=5)
    axes.set_xscale("log")
    ticks = (3, 5, 10, 20, 50, 100, 200)
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    finish(axes, list(roles), "words of a text (5th, 25th, 50th, 75th, 95th percentile)")


def draw_cues(axes: Axes, audit: Mapping[str, Any]) -> None:
    """Share of the texts with a cue, by role."""
    roles = by_role(audit["cues"])
    for name, colour, marker in zip(("negation", "hedge"), COLOURS, "os", strict=True):
        shares = [100 * figures[name] for figures in roles.values()]
        axes.plot(shares, range(len(shares)), marker, color=colour, label=f"{name} cue")
    axes.set_xlim(0, 100)
    axes.legend(loc="lower right")
    finish(axes, list(roles), "share of the texts (percent)")


def draw_shortcuts(axes: Axes, audit: Mapping[str, Any]) -> None:
    """Balanced accuracy of both classifiers by comparison and pattern, against chance."""
    rows = {}
    for name, figures in audit["shortcuts"].items():
        rows[name] = figures
        rows |= {f"{name.split()[-1]}: {key}": one for key, one in figures["patterns"].items()}
    kinds = {"candidate_alone": "candidate alone", "overlap": "word overlap with the anchor"}
    for (name, label), colour, marker in zip(kinds.items(), COLOURS, "os", strict=True):
        points = [
            (100 * figures[name], place)
            for place, figures in enumerate(rows.values())
            if figures[name] is not None
        ]
        axes.plot(
            *zip(*points, strict=True) if points else ([], []), marker, color=colour, label=label
        )
    axes.axvline(50, color=GREY, linewidth=1, label="chance")
    axes.legend(loc="lower right")
    finish(axes, list(rows), "balanced accuracy (percent)")


def by_role(figures: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The figures of every role, named with its kind."""
    return {
        f"{kind}: {role}": found for kind, roles in figures.items() for role, found in roles.items()
    }


def finish(axes: Axes, names: list[str], label: str) -> None:
    """Name the rows, the first on top."""
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.margins(y=0.5 / max(1, len(names)))
    axes.set_xlabel(label)
    axes.grid(alpha=0.3)

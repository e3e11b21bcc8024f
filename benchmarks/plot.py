"""Pictures of what was measured, as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from training.picture import drawing

_BARS = (("tokens_per_s", "tokens/s"), ("p50_ms", "p50, ms"), ("p99_ms", "p99, ms"))


def draw_comparison(figures: Mapping[str, Mapping[str, Mapping[str, Any]]], path: Path) -> None:
    """Draw a row of bars for each row of figures, with the range over the repeats."""
    if not figures:
        return
    with drawing(path) as figure:
        figure.set_size_inches(12, 2.4 * len(figures))
        grid = figure.subplots(len(figures), len(_BARS), squeeze=False)
        for axes, (row, by_target) in zip(grid, figures.items(), strict=True):
            for one, (key, label) in zip(axes, _BARS, strict=True):
                _bars(one, by_target, key)
                one.set_xlabel(label)
            axes[0].set_title(row, loc="left")


def draw_growth(curves: Mapping[str, Mapping[int, Mapping[str, Any]]], path: Path) -> None:
    """Draw tokens/s and latency against what grows."""
    with drawing(path) as figure:
        figure.set_size_inches(3.2 * len(curves), 5)
        grid = figure.subplots(2, len(curves), squeeze=False)
        for column, (name, points) in enumerate(curves.items()):
            _line(grid[0][column], points, ("tokens_per_s",))
            grid[0][column].set_ylim(bottom=0)
            _line(grid[1][column], points, ("p50_ms", "p99_ms"))
            grid[1][column].set_yscale("log")
            grid[1][column].set_xlabel(name)
        grid[0][0].set_ylabel("tokens/s")
        grid[1][0].set_ylabel("ms")
        grid[1][0].legend()


def draw_soak(memory: Sequence[tuple[float, float]], path: Path) -> None:
    """Draw resident memory over time."""
    with drawing(path) as figure:
        figure.set_size_inches(8, 3)
        axes = figure.subplots()
        axes.plot([seconds / 60 for seconds, _ in memory], [resident for _, resident in memory])
        axes.set_ylim(bottom=0)
        axes.set_xlabel("minutes")
        axes.set_ylabel("resident MiB")


def _bars(axes: Axes, by_target: Mapping[str, Mapping[str, Any]], key: str) -> None:
    names = [name for name, figures in by_target.items() if figures.get(key) is not None]
    for place, name in enumerate(names):
        value = by_target[name][key]
        least, most = by_target[name].get("spread", {}).get(key, (value, value))
        color = "tab:blue" if name.startswith("litotes") else "tab:gray"
        axes.barh(place, value, color=color, xerr=[[value - least], [most - value]])
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()


def _line(axes: Axes, points: Mapping[int, Mapping[str, Any]], keys: Sequence[str]) -> None:
    for key in keys:
        there = [(value, point[key]) for value, point in points.items() if point.get(key)]
        axes.plot([x for x, _ in there], [y for _, y in there], marker="o", label=key[:3])
    axes.set_xscale("log", base=2)

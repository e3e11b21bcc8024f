"""Writes what was measured as tables and as JSON."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from benchmarks.comparison import Comparison
from benchmarks.goals import Goal, judge
from service import __version__
from service.cpu import usable_cpus

# Figures of the tables: their key, their heading and how they are written.
_COLUMNS = (
    ("texts_per_s", "texts/s", "{:.1f}"),
    ("tokens_per_s", "tokens/s", "{:,.0f}"),
    ("p50_ms", "p50 ms", "{:.1f}"),
    ("p95_ms", "p95 ms", "{:.1f}"),
    ("p99_ms", "p99 ms", "{:.1f}"),
    ("errors", "errors", "{:.0f}"),
    ("cpu_s_per_1000_texts", "CPU s / 1,000 texts", "{:.1f}"),
    ("peak_mb", "peak MiB", "{:.0f}"),
    ("padding_ratio", "padding", "{:.1%}"),
    ("mean_batch_texts", "texts a batch", "{:.1f}"),
)
_SERVER_COLUMNS = (
    ("startup_s", "start to ready, s", "{:.1f}"),
    ("least_cosine", "least cosine", "{:.6f}"),
    ("mean_cosine", "mean cosine", "{:.6f}"),
    ("fidelity_error", "not compared", "{}"),
)


def render_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table whose columns line up; the first is text, the others are numbers."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]

    def write(line: Sequence[str]) -> str:
        cells = [
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        return f"| {' | '.join(cells)} |"

    rule = ["-" * (width - 1) + (":" if column else "-") for column, width in enumerate(widths)]
    return "\n".join([write(head), write(rule), *map(write, rows)])


def render_figures(
    by_name: Mapping[str, Mapping[str, Any]],
    columns: Sequence[tuple[str, str, str]] = _COLUMNS,
    first: str = "target",
) -> str:
    """Write figures as a table, without the columns that nobody has a value for."""
    used = [
        column
        for column in columns
        if any(figures.get(column[0]) is not None for figures in by_name.values())
    ]
    rows = [
        [name, *(write_value(figures.get(key), form) for key, _, form in used)]
        for name, figures in by_name.items()
    ]
    return render_table([first, *(heading for _, heading, _ in used)], rows)


def write_value(value: object, form: str) -> str:
    """Write a value, or a dash where there is none."""
    return "-" if value is None else form.format(value)


def render_goals(goals: Sequence[Goal]) -> str:
    """Write the goals as a table."""
    rows = []
    for goal in goals:
        sign = ">=" if goal.more_is_better else "<="
        value = write_value(goal.value, "{:.3g}")
        rows.append(
            [goal.name, value, f"{sign} {goal.must:g}", f"{sign} {goal.want:g}", goal.verdict]
        )
    return render_table(["goal", "reached", "must", "want", "verdict"], rows)


def render_comparison(result: Comparison, meanings: Mapping[str, str]) -> str:
    """Write a comparison as Markdown."""
    parts = ["## Goals", render_goals(judge(result))]
    if result.servers:
        parts += ["## Servers", render_figures(result.servers, _SERVER_COLUMNS)]
    for row, by_target in result.figures.items():
        meaning = meanings.get(row.partition(":")[0], "")
        parts += [f"## {row}", meaning, render_figures(by_target)]
    if result.failures:
        parts += ["## Left out"]
        parts += [f"- {name}: {reason}" for name, reason in result.failures.items()]
    return "\n\n".join(part for part in parts if part) + "\n"


def comparison_json(result: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON holds it, with the verdicts."""
    goals = [{**asdict(goal), "verdict": goal.verdict} for goal in judge(result)]
    return {**asdict(result), "goals": goals}


def describe_machine() -> dict[str, Any]:
    """Return what figures depend on beside the code: the processor and the load it is under."""
    return {
        "litotes": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": _processor(),
        "usable_cpus": usable_cpus(),
        "load_average": os.getloadavg(),
    }


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write figures to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Points of curves are numbers, which JSON has no keys for.
    option = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    path.write_bytes(orjson.dumps(content, option=option))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()

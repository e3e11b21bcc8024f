"""The benchmark's command line: `python -m benchmarks --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import plot, report
from benchmarks.comparison import Comparison, Options, compare
from benchmarks.environments import SetupFailed, export_base
from benchmarks.growth import measure_growth
from benchmarks.scenarios import Scenario, draw_calls, make_scenarios
from benchmarks.server import ROOT, ServerFailed, free_port
from benchmarks.soak import soak
from benchmarks.targets import Folders, Target, built_in, parse_target
from benchmarks.workloads import Drawing, Lengths, read_material
from service.cpu import usable_cpus

_TARGETS = (
    "litotes",
    "litotes-float32",
    "infinity-optimum",
    "infinity-torch",
    "plain",
    "echo",
    "litotes-released",
)
_SCENARIOS = ("lone", "short", "ingestion", "mixed", "interference", "pairs", "rerank")
_EXAMPLES = f"""
targets: {", ".join(_TARGETS)}, or name=contract:url
scenarios: {", ".join(_SCENARIOS)}, arrivals

examples:
  python -m benchmarks                                   everything, short
  python -m benchmarks --seconds 20 --repeats 5          the same, steadier
  python -m benchmarks --target litotes --scenario lone  one figure
  python -m benchmarks --target litotes --target tei=tei:http://127.0.0.1:3000
  python -m benchmarks --scenario arrivals --rate 40     queueing at a constant rate
  python -m benchmarks --growth                          how cost grows, of litotes alone
  python -m benchmarks --soak 30                         memory over half an hour
"""


@dataclass(frozen=True)
class Job:
    """What the command line asks for, ready to be run."""

    targets: list[Target]
    scenarios: list[Scenario]
    drawing: Drawing
    options: Options
    output: Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark, and return the exit status.

    Args:
        arguments: The command line without the program's name; None takes the process's own.
    """
    parser = make_parser()
    given = parser.parse_args(arguments)
    try:
        job = _prepare(given)
        if given.growth:
            _growth(job)
        elif given.soak:
            _soak(job, given.soak)
        else:
            _compare(job)
    except (SetupFailed, ServerFailed, ValueError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    return 0


def make_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure Litotes beside its peers and its own ceilings, on the same texts.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--target", action="append", metavar="NAME", help="what to measure; repeat for several")
    add("--scenario", action="append", metavar="NAME", help="under which load; repeat")
    add("--seconds", type=_positive, default=3.0, help="of each measurement (default: 3)")
    add("--repeats", type=int, default=3, help="rounds over all targets (default: 3)")
    add("--seed", type=int, default=0, help="of the texts that are drawn (default: 0)")
    add("--clients", type=int, choices=range(1, 257), metavar="1..256", help="of closed loops")
    add("--rate", type=_positive, default=20.0, help="arrivals a second (default: 20)")
    add("--model", type=Path, help="encoder of all targets; the base encoder, exported, if unset")
    add("--growth", action="store_true", help="measure how cost grows instead of comparing")
    add("--soak", type=_positive, metavar="MINUTES", help="watch memory instead of comparing")
    add("--output", type=Path, default=ROOT / "runs" / "bench", help="folder for figures and plots")
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 3600:
        raise ValueError
    return value


def _prepare(given: argparse.Namespace) -> Job:
    model = (given.model or export_base(ROOT / "runs" / "bench" / "model")).resolve()
    models = ROOT / "models"
    known = built_in(Folders(model, models / "litotes-small", models / "litotes-small-pair"))
    names = given.target or (["litotes"] if given.growth or given.soak else list(_TARGETS))
    scenarios = make_scenarios(given.rate, given.clients)
    unknown = [name for name in given.scenario or () if name not in scenarios]
    if unknown:
        raise ValueError(f"no scenario is called {unknown[0]!r}; known: {', '.join(scenarios)}")
    targets = [parse_target(name, known) for name in names]
    if not given.target:  # another model's vectors say little beside those of one for all
        targets = [t if t.comparable else replace(t, only=("pairs", "rerank")) for t in targets]
    return Job(
        targets=targets,
        scenarios=[scenarios[name] for name in given.scenario or _SCENARIOS],
        drawing=Drawing(read_material(), Lengths(model / "tokenizer.json"), given.seed),
        options=Options(
            model=model,
            logs=given.output / "logs",
            seconds=given.seconds,
            repeats=max(1, given.repeats),
            # As the service packs where its operator says nothing.
            max_batch_tokens=max(1024, 512 * usable_cpus()),
        ),
        output=given.output,
    )


def _compare(job: Job) -> None:
    result: Comparison = compare(job.targets, job.scenarios, job.drawing, job.options)
    meanings = {scenario.name: scenario.meaning for scenario in job.scenarios}
    text = report.render_comparison(result, meanings)
    _write(job, "comparison", report.comparison_json(result))
    (job.output / "comparison.md").write_text(text)
    plot.draw_comparison(result.figures, job.output / "comparison.svg")
    print(f"\n{text}\nwritten to {job.output}")


def _growth(job: Job) -> None:
    target = job.targets[0]
    with target.running(job.options.logs, free_port()) as server:
        curves = measure_growth(server, target.contract, job.drawing, job.options.seconds)
    _write(job, "growth", {"target": target.name, "curves": curves})
    plot.draw_growth(curves, job.output / "growth.svg")
    for name, points in curves.items():
        rows = {str(value): figures for value, figures in points.items()}
        print(f"\n{report.render_figures(rows, first=name)}")


def _soak(job: Job, minutes: float) -> None:
    target = job.targets[0]
    scenario = make_scenarios(1)["mixed"]
    calls = draw_calls([scenario], job.drawing)["mixed"]
    with ExitStack() as stack:
        server = stack.enter_context(target.running(job.options.logs, free_port()))
        figures = soak(server, target.contract, calls, minutes)
    _write(job, "soak", {"target": target.name, **figures})
    plot.draw_soak(figures["memory"], job.output / "soak.svg")
    grown = report.write_value(figures["growth"], "{:+.1%}")
    print(f"\n{report.render_figures({target.name: figures})}\nmemory after warming: {grown}")


def _write(job: Job, name: str, content: dict[str, Any]) -> None:
    described = {"machine": report.describe_machine(), "seconds": job.options.seconds, **content}
    report.write_json(job.output / f"{name}.json", described)


if __name__ == "__main__":
    sys.exit(main())

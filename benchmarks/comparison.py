"""Side by side: all targets and ceilings on the same calls, in turn, several times over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.calls import Call
from benchmarks.ceilings import Task, reach, reference_vectors
from benchmarks.environments import SetupFailed
from benchmarks.fidelity import compare_vectors
from benchmarks.figures import medians, summarise
from benchmarks.measurement import measure
from benchmarks.scenarios import Scenario, draw_calls
from benchmarks.server import Server, ServerFailed, free_port
from benchmarks.targets import Target
from benchmarks.workloads import Drawing

_FIDELITY_TEXTS = 48
_WARMING = 1.0

Figures = dict[str, Any]


@dataclass
class Comparison:
    """What was measured.

    Attributes:
        figures: Medians over the repeats, by row and then by target.
        servers: Start-up, memory and fidelity of each target.
        failures: Why a target is missing.
    """

    figures: dict[str, dict[str, Figures]] = field(default_factory=dict)
    servers: dict[str, Figures] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Options:
    """How to measure.

    Attributes:
        model: The encoder that all targets serve.
        logs: Folder for what servers say.
        seconds: How long each measurement makes new calls.
        repeats: How often all of them are made.
        max_batch_tokens: Tokens of a batch of the engine's ceiling.
    """

    model: Path
    logs: Path
    seconds: float
    repeats: int
    max_batch_tokens: int


def compare(
    targets: Sequence[Target],
    scenarios: Sequence[Scenario],
    drawing: Drawing,
    options: Options,
    say: Callable[[str], None] = print,
) -> Comparison:
    """Start all targets, measure them in turn, and end them.

    A target that does not start is left out, with the reason.
    """
    result = Comparison()
    calls = draw_calls(scenarios, drawing)
    with ExitStack() as stack:
        servers = start_all(targets, options.logs, stack, result, say)
        _check_vectors(targets, servers, drawing, options, result)
        able = _warm(targets, servers, scenarios, calls)
        runs: defaultdict[tuple[str, str], list[Figures]] = defaultdict(list)
        for repeat in range(options.repeats):
            for scenario in scenarios:
                say(f"round {repeat + 1} of {options.repeats}: {scenario.name}")
                for row, name, figures in _round(
                    able[scenario.name], servers, scenario, calls, options
                ):
                    runs[row, name].append(figures)
    for (row, name), found in runs.items():
        result.figures.setdefault(row, {})[name] = medians(found)
    return result


def start_all(
    targets: Sequence[Target],
    logs: Path,
    stack: ExitStack,
    result: Comparison,
    say: Callable[[str], None],
) -> dict[str, Server]:
    """Start the targets one after the other; the stack ends them."""
    servers: dict[str, Server] = {}
    for target in targets:
        try:
            server = stack.enter_context(target.running(logs, free_port()))
        except (ServerFailed, SetupFailed) as error:
            result.failures[target.name] = str(error)
            say(f"{target.name} is left out: {error}")
            continue
        servers[target.name] = server
        result.servers[target.name] = {"startup_s": server.startup_seconds}
        say(f"{target.name} answers")
    return servers


def _check_vectors(
    targets: Sequence[Target],
    servers: Mapping[str, Server],
    drawing: Drawing,
    options: Options,
    result: Comparison,
) -> None:
    compared = [t for t in targets if t.comparable and t.contract != "echo" and t.name in servers]
    if not compared:
        return
    call = drawing.embedding(drawing.passages(_FIDELITY_TEXTS))
    reference = reference_vectors(options.model, call.texts)
    for target in compared:
        try:
            found = compare_vectors(servers[target.name].url, target.contract, call, reference)
        except (OSError, EOFError, ValueError) as error:
            found = {"fidelity_error": str(error)}
        result.servers[target.name].update(found)


def _warm(
    targets: Sequence[Target],
    servers: Mapping[str, Server],
    scenarios: Sequence[Scenario],
    calls: Mapping[str, Sequence[Call]],
) -> dict[str, list[Target]]:
    """Let every server see each kind of call once, so that none pays for its first.

    Returns:
        The targets that can be measured in each scenario.
    """
    first = {name: some[:1] for name, some in calls.items()}
    return {
        scenario.name: [
            target
            for target in targets
            if target.name in servers
            and scenario.name in (target.only or (scenario.name,))
            and measure(servers[target.name], target.contract, scenario.offers, first, _WARMING)
        ]
        for scenario in scenarios
    }


def _round(
    targets: Sequence[Target],
    servers: Mapping[str, Server],
    scenario: Scenario,
    calls: Mapping[str, Sequence[Call]],
    options: Options,
) -> Iterator[tuple[str, str, Figures]]:
    """Measure one scenario once on everything; yields row, target and figures."""
    for target in targets:
        server = servers[target.name]
        seen = measure(server, target.contract, scenario.offers, calls, options.seconds)
        for workload, figures in (seen or {}).items():
            yield scenario.row(workload), target.name, figures
    workload = scenario.offers[0].workload
    texts = [text for call in calls[workload] for text in call.texts]
    task = Task(str(options.model), texts, options.seconds, options.max_batch_tokens)
    for ceiling in scenario.ceilings:
        reached = reach(ceiling, task)
        figures = {
            **summarise(reached.samples),
            "cpu_s_per_1000_texts": 1000 * reached.cpu_seconds / reached.samples.items,
            "peak_mb": reached.peak_mb,
        }
        yield scenario.row(workload), f"{ceiling} alone", figures

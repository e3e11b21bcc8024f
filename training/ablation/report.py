"""The report of all ablations, `training/ablations.md`: one section for each ablation file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from training.ablation import plot
from training.ablation.outcome import Outcome, read_outcomes, spread
from training.ablation.plan import Ablation, Arm, Run
from training.ablation.stage import STAGES, Stage

REPORT = Path("training/ablations.md")
PICTURES = Path("ablations")
HEADER = """# Ablations

Written by `python -m training.ablate`, from the folders of the runs; the verdicts are in the
ablation files. Dev figures in percent: the mean over the seeds ± half the range between the lowest
and the highest. An encoder's are at the negation weight *w* with the highest joint score
(`training/evaluation/dial.py`). A pair model's are the F1 of its relations and their mean, the AUC
of its contradiction score on public sets, the order by its relevance where the arm trains one, and
*strangers*, the share of pairs of unrelated texts that it calls a contradiction (best 0); its joint
score is the mean of macro-F1, AUCs and order (`training/pair/train.py`). *Minutes* is the wall time
of a run.
"""
NOT_RUN = "not run"

# Heading and name of a figure, and how it is written.
Column = tuple[str, str, Callable[[float], str]]


def write_report(ablation: Ablation, runs: Sequence[Run], report: Path = REPORT) -> None:
    """Write an ablation's section and picture; the sections of others stay as they are.

    A section that has figures of runs that are not here stays too: the runs are not part of the
    repository, and a machine without them must not make the report poorer.
    """
    outcomes = read_outcomes(runs)
    sections = read_sections(report)
    if lost := missing(sections.get(ablation.name, ""), outcomes):
        print(
            f"{report} has figures of {', '.join(lost)} whose runs are not under "
            f"{runs[0].config.runs}: the section on {ablation.name} stays as it is. "
            "Take it out to have it written anew."
        )
        return
    report.parent.mkdir(parents=True, exist_ok=True)
    picture = PICTURES / f"{ablation.name}.svg"
    sections[ablation.name] = section(ablation, outcomes, picture)
    if any(outcomes.values()):
        plot.draw(outcomes, report.parent / picture, STAGES[ablation.stage])
    report.write_text("\n".join((HEADER, *sections.values())), encoding="utf-8")


def read_sections(report: Path) -> dict[str, str]:
    """The sections of a report, by the name of their ablation."""
    text = report.read_text(encoding="utf-8") if report.exists() else ""
    parts = re.split(r"^(?=<!-- ablation: )", text, flags=re.MULTILINE)[1:]
    return {part.partition(": ")[2].partition(" -->")[0]: f"{part.rstrip()}\n" for part in parts}


def missing(old: str, outcomes: Mapping[str, Sequence[Outcome]]) -> list[str]:
    """Arms of which a section tells more seeds than there are outcomes."""
    rows = (line.split(" | ") for line in old.splitlines() if line.startswith("| "))
    seeds = {row[0].removeprefix("| "): int(row[2]) for row in rows if row[2].isdigit()}
    return [arm for arm, found in outcomes.items() if seeds.get(arm, 0) > len(found)]


def section(ablation: Ablation, outcomes: Mapping[str, Sequence[Outcome]], picture: Path) -> str:
    """The Markdown of one ablation."""
    stage = STAGES[ablation.stage]
    paragraphs = [
        f"<!-- ablation: {ablation.name} -->\n## {ablation.title or ablation.name}",
        ablation.about.strip(),
        settings(ablation),
        table(ablation.arms, outcomes, stage),
        base_line(outcomes, stage),
    ]
    if any(outcomes.values()):
        shown = "trade-off" if stage.has_dial else "figures"
        paragraphs.append(f"![Joint score and {shown} of each arm]({picture.as_posix()})")
        paragraphs.append(plot.CAPTION if stage.has_dial else plot.FIGURES_CAPTION)
    return "\n\n".join(filter(None, paragraphs)) + "\n"


def settings(ablation: Ablation) -> str:
    """A sentence on what all arms have in common."""
    seeds = ", ".join(map(str, ablation.seeds))
    screen = ", ".join(f"`{key} = {value}`" for key, value in flat(ablation.screen))
    common = f", with {screen}" if screen else ""
    return f"Base: `{ablation.base.name}`{common}. Seeds: {seeds}."


def flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted keys of nested tables, and their values."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def table(arms: Mapping[str, Arm], outcomes: Mapping[str, Sequence[Outcome]], stage: Stage) -> str:
    """The table of the arms, in the order of the file."""
    columns = columns_of(stage)
    headings = ("arm", "change", "seeds", *(heading for heading, *_ in columns), "minutes")
    rows = [(*headings, "verdict"), ("---",) * (len(headings) + 1)]
    rows += [cells(name, arm, outcomes[name], columns) for name, arm in arms.items()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def columns_of(stage: Stage) -> list[Column]:
    """The columns of figures."""
    dial: list[Column] = [("*w*", "negation_weight", weight)] if stage.has_dial else []
    rest = [(heading, name, percent) for heading, name in stage.percent.items()]
    return [("joint", "joint", percent), *dial, *rest]


def cells(
    name: str, arm: Arm, outcomes: Sequence[Outcome], columns: Sequence[Column]
) -> tuple[str, ...]:
    """The row of one arm."""
    texts = [text.replace("|", r"\|").replace("\n", " ") for text in (arm.change, arm.verdict)]
    return (name, texts[0], str(len(outcomes)), *figures(outcomes, columns), texts[1])


def figures(outcomes: Sequence[Outcome], columns: Sequence[Column]) -> list[str]:
    """The cells from joint score to minutes."""
    if not outcomes:
        return [NOT_RUN, *[""] * len(columns)]
    found = [
        cell([outcome.figures.get(name) for outcome in outcomes], write)
        for _, name, write in columns
    ]
    return [*found, f"{spread([outcome.minutes for outcome in outcomes]).mean:.0f}"]


def cell(values: Sequence[float | None], write: Callable[[float], str]) -> str:
    """Mean and half range of a figure; empty where a run lacks its data."""
    there = [value for value in values if value is not None]
    if not there:
        return ""
    found = spread(there)
    return write(found.mean) + (f" ± {write(found.half_range)}" if len(there) > 1 else "")


def percent(figure: float) -> str:
    """A figure in percent, as the reports have it."""
    return f"{100 * figure:.1f}"


def weight(figure: float) -> str:
    """A negation weight, or the mean of several."""
    return f"{round(figure, 2):g}"


def base_line(outcomes: Mapping[str, Sequence[Outcome]], stage: Stage) -> str:
    """A sentence on what the floors and the shortfalls are held against."""
    bases = [outcome.base for found in outcomes.values() for outcome in found]
    known = {
        heading: sorted({percent(base[name]) for base in bases if name in base}, key=float)
        for heading, name in stage.percent.items()
    }
    listed = [f"{heading} {' to '.join(ends(found))}" for heading, found in known.items() if found]
    return f"General figures are held against {', '.join(listed)}." if listed else ""


def ends(found: Sequence[str]) -> Sequence[str]:
    """The first and the last, or the only one; runs differ only where they have other bases."""
    return found if len(found) == 1 else (found[0], found[-1])

"""The picture of an ablation: joint scores, and what each arm trades for what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib import colormaps
from matplotlib.axes import Axes

from training.ablation.outcome import Outcome, spread
from training.ablation.stage import Stage
from training.evaluation.dial import NEGATION
from training.picture import drawing

GENERAL = ("stsb_spearman", "medquad_ndcg10", "perspectives_ndcg10")
CAPTION = """Left: joint score, with a light dot for each seed, the mean and the range. Right: the
mean of the negation figures that make up the joint score against the mean shortfall of general
quality (STS-B, MedQuAD, perspectives; what lies above the base counts as no shortfall), averaged
over the seeds, at every weight *w*: a larger dot is a larger weight. Up and to the left is
better."""
FIGURES_CAPTION = """Left: joint score, with a light dot for each seed, the mean and the range.
Right: the mean over the seeds of every figure of the table."""
MARKERS = "osD^vP"

Style = dict[str, Any]


def draw(outcomes: Mapping[str, Sequence[Outcome]], path: Path, stage: Stage) -> None:
    """Draw the arms that have outcomes into an SVG file."""
    there = {arm: found for arm, found in outcomes.items() if found}
    styles = {arm: style(number) for number, arm in enumerate(there)}
    with drawing(path) as figure:
        figure.set_size_inches(12, 3.6 + 0.22 * len(there))
        left, right = figure.subplots(1, 2, width_ratios=(2, 3))
        draw_scores(left, there, styles)
        if stage.has_dial:
            draw_trade(right, there, styles)
        else:
            draw_figures(right, there, styles, stage.percent)
        right.grid(alpha=0.3)
        right.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False)


def style(number: int) -> Style:
    """Colour and marker of an arm; ten colours, and another marker for every ten arms."""
    return {
        "color": colormaps["tab10"](number % 10),
        "marker": MARKERS[number // 10 % len(MARKERS)],
    }


def draw_scores(
    axes: Axes, outcomes: Mapping[str, Sequence[Outcome]], styles: Mapping[str, Style]
) -> None:
    """Joint score of each arm, the first arm on top."""
    for row, (arm, found) in enumerate(outcomes.items()):
        scores = [100 * outcome.figures["joint"] for outcome in found]
        mean = spread(scores).mean
        axes.plot(scores, [row] * len(scores), linestyle="", alpha=0.35, **styles[arm])
        axes.plot([min(scores), max(scores)], [row, row], color=styles[arm]["color"])
        axes.plot(mean, row, **styles[arm])
    axes.set_yticks(range(len(outcomes)), list(outcomes))
    axes.invert_yaxis()
    axes.margins(y=0.5 / len(outcomes))
    axes.set_xlabel("joint score (percent)")
    axes.set_title("Joint score over the seeds")
    axes.grid(alpha=0.3)


def draw_trade(
    axes: Axes, outcomes: Mapping[str, Sequence[Outcome]], styles: Mapping[str, Style]
) -> None:
    """Negation against general quality, a curve for each arm and a dot for each weight."""
    for arm, found in outcomes.items():
        points = curve(found)
        shortfalls, negations = [point[1] for point in points], [point[2] for point in points]
        axes.plot(shortfalls, negations, label=arm, markersize=4, **styles[arm])
        sizes = [8 + 80 * point[0] ** 2 for point in points]
        axes.scatter(shortfalls, negations, s=sizes, **styles[arm])
    axes.set_xlabel("mean shortfall of general quality to the base (points)")
    axes.set_ylabel("mean of the negation figures (percent)")
    axes.set_title("Trade-off by negation weight w (larger dot: larger w)")


def draw_figures(
    axes: Axes,
    outcomes: Mapping[str, Sequence[Outcome]],
    styles: Mapping[str, Style],
    percent: Mapping[str, str],
) -> None:
    """Every figure that an arm has, a row for each; the arms of a row lie above one another."""
    for number, (arm, found) in enumerate(outcomes.items()):
        means = {
            row: spread([100 * outcome.figures[name] for outcome in found]).mean
            for row, name in enumerate(percent.values())
            if all(name in outcome.figures for outcome in found)
        }
        offset = 0.6 * ((number + 0.5) / len(outcomes) - 0.5)
        rows = [row + offset for row in means]
        axes.plot(list(means.values()), rows, linestyle="", label=arm, markersize=4, **styles[arm])
    axes.set_yticks(range(len(percent)), list(percent))
    axes.invert_yaxis()
    axes.set_xlabel("percent")
    axes.set_title("Figures of each arm, mean over the seeds")


def curve(outcomes: Sequence[Outcome]) -> list[tuple[float, float, float]]:
    """Weight, mean shortfall (points) and mean negation (percent), averaged over the seeds."""
    shared = set.intersection(*(set(outcome.sweep) for outcome in outcomes))
    return [
        (
            weight,
            spread([100 * shortfall(outcome, weight) for outcome in outcomes]).mean,
            spread([100 * negation(outcome, weight) for outcome in outcomes]).mean,
        )
        for weight in sorted(shared)
    ]


def shortfall(outcome: Outcome, weight: float) -> float:
    """Mean of how far the general figures lie below the base's; 0 where none has a base figure."""
    figures = outcome.sweep[weight]
    gaps = [
        max(0.0, outcome.base[name] - figures[name]) for name in GENERAL if name in outcome.base
    ]
    return sum(gaps) / len(gaps) if gaps else 0.0


def negation(outcome: Outcome, weight: float) -> float:
    """Mean of the negation figures that are there."""
    figures = [outcome.sweep[weight][name] for name in NEGATION if name in outcome.sweep[weight]]
    return sum(figures) / len(figures)

"""The picture of an ablation: what it shows, and that it is the same when drawn again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from ablation_runs import FIGURES, GENERAL, record

from training.ablation.outcome import Outcome
from training.ablation.plot import MARKERS, curve, draw, negation, shortfall, style
from training.ablation.stage import STAGES
from training.evaluation.dial import joint_score

ENCODER = STAGES["encoder"]


def outcome(joint: float = 0.4, **figures: float) -> Outcome:
    made = record(joint, 0.3, **figures)
    sweep = {float(weight): found for weight, found in made.pop("sweep").items()}
    base = made.pop("base")
    return Outcome(figures=made, base=base, sweep=sweep, minutes=7.0)


def texts(path: Path) -> list[str]:
    root = ElementTree.fromstring(path.read_text())
    return ["".join(node.itertext()).strip() for node in root.iter() if node.tag.endswith("}text")]


def test_the_picture_names_every_arm_that_was_run_and_both_axes(tmp_path: Path) -> None:
    path = tmp_path / "pictures/shapes.svg"
    draw({"base": [outcome(), outcome(0.5)], "soft": [outcome()], "hard": []}, path, ENCODER)
    shown = texts(path)
    # Beside its score and in the legend of the curves.
    assert shown.count("base") == shown.count("soft") == 2
    assert "hard" not in shown
    assert "joint score (percent)" in shown
    assert "mean shortfall of general quality to the base (points)" in shown
    assert "mean of the negation figures (percent)" in shown


def test_the_same_figures_give_the_same_picture(tmp_path: Path) -> None:
    pictures = [tmp_path / f"{name}.svg" for name in ("first", "second", "other")]
    for path in pictures[:2]:
        draw({"base": [outcome()]}, path, ENCODER)
    draw({"base": [outcome(0.5)]}, pictures[2], ENCODER)
    first, second, other = (path.read_bytes() for path in pictures)
    assert first == second != other


def test_no_two_of_many_arms_look_alike() -> None:
    styles = [style(number) for number in range(10 * len(MARKERS))]
    assert len({(found["color"], found["marker"]) for found in styles}) == len(styles)


def test_a_shortfall_is_what_lies_below_the_base_and_no_gain_makes_up_for_it() -> None:
    # STS-B a point above the base, MedQuAD and perspectives two points below theirs.
    assert shortfall(outcome(), 0.3) == pytest.approx((0 + 0.02 + 0.02) / 3)
    assert shortfall(outcome(stsb_spearman=0.99), 0.3) == shortfall(outcome(), 0.3)
    assert shortfall(replace(outcome(), base={"medquad_ndcg10": 0.93}), 0.3) == pytest.approx(0.02)
    assert shortfall(replace(outcome(), base={}), 0.3) == 0


def test_negation_is_the_mean_of_the_figures_of_the_joint_score() -> None:
    # The score of a checkpoint without a floor is that mean.
    assert negation(outcome(), 0.3) == pytest.approx(joint_score(FIGURES, {}, {}))
    without = {name: figure for name, figure in FIGURES.items() if name != "cannot_auc"}
    less = negation(replace(outcome(), sweep={0.3: without}), 0.3)
    assert less == pytest.approx(joint_score(without, {}, {}))
    assert less < negation(outcome(), 0.3)


def test_a_curve_goes_through_the_mean_of_the_seeds_at_each_weight_that_all_have() -> None:
    both = [outcome(), outcome(contrast=0.6, medquad_ndcg10=0.88)]
    (low, high) = curve(both)
    middle = (negation(both[0], 0.3) + negation(both[1], 0.3)) / 2
    assert low == pytest.approx((0.3, 100 * (0.04 / 3 + 0.07 / 3) / 2, 100 * middle))
    # A point more negation, and every general figure a point lower: STS-B is at its base there.
    assert high == pytest.approx((0.7, 100 * (0.06 / 3 + 0.09 / 3) / 2, 100 * middle + 1))
    assert GENERAL["stsb_spearman"] == pytest.approx(FIGURES["stsb_spearman"] - 0.01)
    one_weight = replace(outcome(), sweep={0.3: FIGURES})
    assert [point[0] for point in curve([*both, one_weight])] == [0.3]

"""Orders within a group: what each holds apart, by how much, and in which direction it pulls."""

from __future__ import annotations

from math import log, sqrt

import pytest
import torch
from planar import angle_of, at
from torch import Tensor, nn

from training.losses.base import TwoPartLoss
from training.losses.group_orders import (
    GROUP_ORDERS,
    JUDGE_TEMPERATURE,
    Group,
    band,
    off_topic,
    opposite,
    symmetric_kl,
)
from training.losses.groups import GroupLoss
from training.losses.parts import Parts

SCALE = 0.2


def loss() -> TwoPartLoss:
    return GroupLoss(
        nn.Identity(), weight=0.5, temperature=0.1, margin_scale=SCALE, distillation=0.0
    )


def group(hedged: float, negated: float, neutral: float = 90.0) -> Group:
    """A batch of one group: what means the same at 0 degrees, the others at an angle to it."""
    return Group([at(0), at(0), at(0)], [at(negated)] * 3, at(hedged), at(neutral))


@pytest.mark.parametrize(
    ("difference", "cost"),
    [(-0.1, 0.0), (-0.05, 0.0), (-0.25, 0.0), (0.0, 0.05), (0.1, 0.15), (-0.4, 0.15)],
)
def test_a_difference_within_the_band_costs_nothing(difference: float, cost: float) -> None:
    found = band(torch.tensor([difference]), 0.05, 0.25)
    assert found.item() == pytest.approx(cost, abs=1e-6)


def test_hedges_and_denials_have_a_band_each() -> None:
    bands = GROUP_ORDERS["bands"]
    assert bands(loss(), group(angle_of(0.9), angle_of(0.6))).item() == 0
    # Fourteen terms: the hedge below two texts, six denials below two.
    far = bands(loss(), group(angle_of(0.9), 180)).item()
    assert far == pytest.approx(12 * (2 - 0.6) / 14 / SCALE)
    near = bands(loss(), group(0, angle_of(0.6))).item()
    assert near == pytest.approx(2 * 0.05 / 14 / SCALE)


@pytest.mark.parametrize(("angle", "nearer"), [(angle_of(0.9), False), (angle_of(0.2), True)])
def test_a_band_pulls_a_denial_from_both_sides(angle: float, nearer: bool) -> None:
    found = group(angle_of(0.9), angle)
    denial = found.negated[0].polarity
    (gradient,) = torch.autograd.grad(GROUP_ORDERS["bands"](loss(), found), denial)
    towards = -(gradient * found.same[0].polarity).sum()
    assert (towards > 0).item() == nearer


def off_margins(found: Group) -> Tensor:
    """What the semantic opposites add to the soft margins."""
    return GROUP_ORDERS["opposites"](loss(), found) - GROUP_ORDERS["margins"](loss(), found)


def spatial(*rows: tuple[float, float, float]) -> Parts:
    """A column of texts in space, each brought to unit length."""
    vectors = nn.functional.normalize(torch.tensor(rows, dtype=torch.float64), dim=1)
    return Parts(vectors, vectors.clone().requires_grad_())


@pytest.mark.parametrize(("angle", "cost"), [(0, 2), (60, 1), (180, 0)])
def test_opposites_cost_nothing_and_equals_two(angle: float, cost: float) -> None:
    found = opposite(at(0).polarity, at(angle).polarity)
    assert found.item() == pytest.approx(cost, abs=0.011)


def test_denials_are_opposite_where_they_lie_on_the_other_side_of_the_topic() -> None:
    # The topic is along the third axis: alike in all texts, and no cost.
    same, other, across = spatial((1, 0, 3)), spatial((-1, 0, 3)), spatial((0, 1, 3))
    back = spatial((0, -1, 3))
    apart = Group([same] * 3, [other] * 3, across, back)
    assert off_margins(apart).item() == pytest.approx(2 - sqrt(4 + 1e-4), abs=1e-6)
    blind = Group([same] * 3, [same] * 3, other, other)
    assert off_margins(blind).item() == pytest.approx(2 - sqrt(1e-4), abs=1e-6)


def test_opposites_move_a_denial_across_the_topic_and_not_along_it() -> None:
    same, hedged, neutral = spatial((1, 0, 3)), spatial((0, 1, 3)), spatial((-1, -1, 3))
    denial = spatial((1, 0.5, 3))
    found = Group([same] * 3, [denial] * 3, hedged, neutral)
    (gradient,) = torch.autograd.grad(off_margins(found), denial.polarity)
    texts = [*found.same, *found.negated, hedged, neutral]
    topic = torch.stack([text.polarity for text in texts]).mean(dim=0).detach()
    topic = nn.functional.normalize(topic, dim=1)
    assert (gradient * topic).sum().item() == pytest.approx(0, abs=1e-9)
    step = denial.polarity - 0.01 * gradient
    before, after = (
        (off_topic(vectors, topic) * off_topic(same.polarity, topic)).sum()
        for vectors in (denial.polarity, step)
    )
    assert after < before


def test_the_divergence_from_a_judge_is_the_mean_of_both_ways() -> None:
    similarities = torch.tensor([[0.3, 0.3]])
    scores = torch.tensor([[JUDGE_TEMPERATURE * log(2), 0.0]])
    there = 2 / 3 * log(4 / 3) + 1 / 3 * log(2 / 3)
    back = 1 / 2 * log(3 / 4) + 1 / 2 * log(3 / 2)
    found = symmetric_kl(similarities, scores).item()
    assert found == pytest.approx((there + back) / 2, rel=1e-4)


def test_a_group_as_far_apart_as_the_judge_says_costs_nothing() -> None:
    judged = GROUP_ORDERS["judged"]
    as_said = group(angle_of(0.6), angle_of(0.0), angle_of(0.3))
    assert judged(loss(), as_said).item() == pytest.approx(0, abs=1e-9)
    too_near = group(angle_of(0.95), angle_of(0.97), angle_of(0.9))
    assert judged(loss(), too_near).item() > 1


@pytest.mark.parametrize("name", GROUP_ORDERS)
def test_each_order_has_a_denial_below_what_means_the_same(name: str) -> None:
    order = GROUP_ORDERS[name]
    right = order(loss(), group(angle_of(0.8), angle_of(0.5), angle_of(0.6)))
    wrong = Group([at(0), at(60), at(60)], [at(0)] * 3, at(30), at(45))
    assert right < order(loss(), wrong)

"""Orders of labelled pairs, beside what their papers say written out in loops."""

from __future__ import annotations

from math import exp, log

import pytest
import torch
from scipy.stats import pearsonr, rankdata
from torch import Tensor

from training.losses.ranking import PAIR_ORDERS, codiemb, normalized_ranks, pearson, pro, rank_kl

SIMILARITIES = torch.tensor([0.7, 0.4, 0.65, 0.1, 0.5])
LABELS = torch.tensor([1.0, 0.4, 0.4, 0.0, 0.8])
BINARY = torch.tensor([1.0, 0.0, 1.0, 0.0, 0.0])


def softmax(values: list[float]) -> list[float]:
    weights = [exp(value / 0.05) for value in values]
    return [weight / sum(weights) for weight in weights]


def pro_reference(similarities: Tensor, labels: Tensor) -> float:
    pairs = list(zip((similarities / 0.05).tolist(), labels.tolist(), strict=True))
    losses = []
    for score, label in pairs:
        lower = [(s, label - other) for s, other in pairs if other < label]
        if lower:
            own = score * max(weight for _, weight in lower)
            total = exp(own) + sum(exp(s * weight) for s, weight in lower)
            losses.append(-log(exp(own) / total))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("labels", [LABELS, BINARY], ids=["graded", "binary"])
def test_ranks_go_from_one_to_none_and_equal_labels_share_theirs(labels: Tensor) -> None:
    ranks = rankdata(-labels.numpy()) - 1
    found = normalized_ranks(labels)
    torch.testing.assert_close(found, torch.tensor((4 - ranks) / 4, dtype=found.dtype))


@pytest.mark.parametrize("labels", [LABELS, BINARY], ids=["graded", "binary"])
def test_rank_kl_is_the_divergence_of_the_similarities_from_the_ranks(labels: Tensor) -> None:
    wanted = softmax(normalized_ranks(labels).tolist())
    found = softmax(SIMILARITIES.tolist())
    expected = sum(p * log(p / q) for p, q in zip(wanted, found, strict=True))
    assert rank_kl(SIMILARITIES, labels).item() == pytest.approx(expected, rel=1e-5)


def test_rank_kl_costs_nothing_where_the_similarities_are_as_far_apart_as_the_ranks() -> None:
    assert rank_kl(normalized_ranks(LABELS) - 0.3, LABELS).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("labels", [LABELS, BINARY], ids=["graded", "binary"])
def test_pro_weighs_each_lower_pair_by_how_much_lower_it_is(labels: Tensor) -> None:
    expected = pro_reference(SIMILARITIES, labels)
    assert pro(SIMILARITIES, labels).item() == pytest.approx(expected, rel=1e-5)


def test_pearson_is_one_minus_the_correlation() -> None:
    expected = 1 - pearsonr(SIMILARITIES.numpy(), LABELS.numpy()).statistic
    assert pearson(SIMILARITIES, LABELS).item() == pytest.approx(expected, abs=1e-6)


def test_codiemb_is_the_sum_of_its_three_at_the_published_weights() -> None:
    terms = [order(SIMILARITIES, LABELS).item() for order in (pearson, rank_kl, pro)]
    expected = 2 * terms[0] + 5 * terms[1] + 0.5 * terms[2]
    assert codiemb(SIMILARITIES, LABELS).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("labels", [LABELS, BINARY], ids=["graded", "binary"])
@pytest.mark.parametrize("name", PAIR_ORDERS)
def test_a_step_down_the_gradient_moves_towards_the_order_of_the_labels(
    name: str, labels: Tensor
) -> None:
    wrong = (0.5 - 0.3 * labels).requires_grad_()
    (gradient,) = torch.autograd.grad(PAIR_ORDERS[name](wrong, labels), wrong)
    step = -gradient
    assert step[labels.argmax()] > step[labels.argmin()]
    assert PAIR_ORDERS[name](0.5 + 0.3 * labels, labels) < PAIR_ORDERS[name](wrong, labels)


@pytest.mark.parametrize("name", PAIR_ORDERS)
@pytest.mark.parametrize("count", [1, 4])
def test_equal_labels_give_a_finite_loss_and_gradient(name: str, count: int) -> None:
    similarities = SIMILARITIES[:count].clone().requires_grad_()
    loss = PAIR_ORDERS[name](similarities, torch.full((count,), 0.5))
    (gradient,) = torch.autograd.grad(loss, similarities)
    assert loss.isfinite()
    assert gradient.isfinite().all()

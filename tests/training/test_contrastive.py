"""What becomes of negatives in InfoNCE, held against hand-computed values and loops."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import cos, exp, log, radians

import pytest
import torch
from planar import angle_of, at
from torch import Tensor

from training.losses.candidates import Candidates
from training.losses.contrastive import (
    ABOVE_POSITIVE,
    CONTRASTIVE,
    HARDEST,
    SHARE,
    Softmax,
    above_positive,
    mixed_share,
    percent_of_positive,
)
from training.losses.parts import Parts, joined, whole

SOFTMAX = Softmax(weight=0.5, temperature=0.1)


def loss_of(name: str, candidates: Candidates) -> Tensor:
    return CONTRASTIVE[name](candidates, SOFTMAX)


def softmax_loss(positive: float, negatives: Sequence[float]) -> float:
    scores = [score / SOFTMAX.temperature for score in (positive, *negatives)]
    return -scores[0] + log(sum(exp(score) for score in scores))


def random_candidates(rows: int, negatives: int) -> Candidates:
    """Rows whose vectors are random, with as many private hard negatives."""
    generator = torch.Generator().manual_seed(rows)

    def column() -> Parts:
        general, polarity = torch.randn(2, rows, 5, generator=generator, dtype=torch.float64)
        return Parts(
            torch.nn.functional.normalize(general, dim=1),
            torch.nn.functional.normalize(polarity, dim=1),
        )

    return Candidates(column(), column(), [column() for _ in range(negatives)])


def mixture(left: Tensor, right: Tensor) -> Tensor:
    total: Tensor = left / 2 + right / 2
    return total / total.norm()


def test_hard_mixing_adds_all_mixtures_of_the_nearest_with_the_own_among_them() -> None:
    rows = HARDEST + 3
    candidates = random_candidates(rows, 2)
    similarities = candidates.similarities(SOFTMAX.weight)
    vectors = candidates.vectors(SOFTMAX.weight)
    anchors = whole(candidates.anchor, SOFTMAX.weight)
    expected = []
    for i in range(rows):
        others = sorted((j for j in range(rows) if j != i), key=lambda j: -similarities[i, j])
        hard = [rows, rows + 1, *others[: HARDEST - 2]]
        mixed = [
            float(anchors[i] @ mixture(vectors[i, a], vectors[i, b]))
            for a, b in combinations(hard, 2)
        ]
        negatives = [float(similarities[i, j]) for j in range(rows + 2) if j != i]
        expected.append(softmax_loss(float(similarities[i, i]), [*negatives, *mixed]))
    found = loss_of("hard-mixing", candidates).item()
    assert found == pytest.approx(sum(expected) / rows)
    # The own ones were not all among the nearest: they came first all the same.
    ranks = similarities.masked_fill(candidates.positive(), -2).argsort(dim=1, descending=True)
    assert not all({rows, rows + 1} <= set(row[:HARDEST].tolist()) for row in ranks)


def test_the_gradient_of_hard_mixing_flows_through_the_mixtures() -> None:
    negative = torch.tensor([[0.8, 0.6], [-0.6, 0.8]], dtype=torch.float64, requires_grad=True)
    anchor, positive = at(0, 90), at(30, 70)

    def loss(polarity: Tensor) -> Tensor:
        own = Parts(positive.general, polarity)
        return loss_of("hard-mixing", Candidates(anchor, positive, [own]))

    assert torch.autograd.gradcheck(loss, negative)


def test_hard_mixing_without_two_negatives_is_info_nce() -> None:
    candidates = Candidates(at(0, 90), at(30, 70))
    assert loss_of("hard-mixing", candidates) == loss_of("info-nce", candidates)


@pytest.mark.parametrize(
    ("positive", "hardest", "share"),
    [
        (0.8, 0.76, SHARE),
        (0.8, 0.5, 0.0),
        (0.4, 0.6, 0.6),
        (0.5, 0.5, 0.5),
        (-0.2, -0.4, 0.5),
        (0.5, -0.4, 0.0),
    ],
    ids=["near", "far", "above", "equal", "both negative", "negative and far"],
)
def test_the_share_of_a_negative_in_a_mixed_positive(
    positive: float, hardest: float, share: float
) -> None:
    found = mixed_share(torch.tensor([positive]), torch.tensor([hardest]))
    assert found.item() == pytest.approx(share)


def test_positive_mixing_puts_the_hardest_negative_into_the_positive() -> None:
    # The denial, at 30 degrees, is above the positive, at 60; the other row's at 180 is far.
    candidates = Candidates(at(0, 180), at(60, 180), [at(30, 0)])
    share = cos(radians(30)) / (cos(radians(30)) + 0.5)
    positive, denial = candidates.vectors(0.5)[0, 0], candidates.vectors(0.5)[0, 2]
    mixed = (1 - share) * positive + share * denial
    # The mixed vector's likeness to the anchor, which lies at 0 degrees in both parts.
    near = float((mixed @ candidates.vectors(0.5)[1, 1] / mixed.norm()).detach()) * -1
    first = softmax_loss(near, [-1.0, cos(radians(30))])
    second = softmax_loss(1.0, [-near, -1.0])
    assert loss_of("positive-mixing", candidates).item() == pytest.approx((first + second) / 2)


def test_positive_mixing_pushes_a_denial_away_less_than_info_nce_does() -> None:
    def pushed(name: str) -> float:
        denial = at(10, 190)
        candidates = Candidates(at(0, 180), at(40, 220), [denial])
        (down,) = torch.autograd.grad(loss_of(name, candidates), denial.polarity)
        return (down * candidates.anchor.polarity).sum().item()

    assert 0 < pushed("positive-mixing") < 0.7 * pushed("info-nce")


def guided() -> Candidates:
    """Cosines of *g* to every anchor: the positives 0.8, 0.85 and 0.94, the denials 0.99.

    *p* lies elsewhere, so that what is filtered and what is scored cannot be mistaken.
    """
    near = [angle_of(cosine) for cosine in (0.8, 0.85, 0.94)]
    denial = angle_of(0.99)
    return Candidates(
        at(0, 40, 80, general=(0, 0, 0)),
        at(10, 50, 90, general=near),
        [at(20, 60, 100, general=(denial,) * 3)],
    )


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        # For each row, the rows whose positives are kept as its negatives; 3 is its own denial.
        ("percent-of-positive", [[3], [0, 3], [0, 1, 3]]),
        ("percent-of-positive-all", [[], [0], [0, 1]]),
        ("above-positive", [[1, 3], [0, 2, 3], [0, 1, 3]]),
    ],
)
def test_a_filter_leaves_out_what_the_base_places_too_near(
    name: str, kept: list[list[int]]
) -> None:
    rows = guided().similarities(SOFTMAX.weight).tolist()
    losses = [
        softmax_loss(similarities[row], [similarities[j] for j in kept[row]])
        for row, similarities in enumerate(rows)
    ]
    assert loss_of(name, guided()).item() == pytest.approx(sum(losses) / 3)


def test_without_the_exemption_a_curated_denial_teaches_nothing() -> None:
    taught = {}
    for name in ("percent-of-positive", "percent-of-positive-all"):
        candidates = guided()
        denial = candidates.private[0].polarity
        (gradient,) = torch.autograd.grad(loss_of(name, candidates), denial)
        taught[name] = gradient.abs().sum(dim=1) > 0
    assert taught["percent-of-positive"].tolist() == [True, True, True]
    assert taught["percent-of-positive-all"].tolist() == [False, False, False]


def test_the_limits_are_the_published_ones() -> None:
    positive = torch.tensor([0.8, -0.4])
    torch.testing.assert_close(percent_of_positive(positive), torch.tensor([0.76, -0.42]))
    torch.testing.assert_close(above_positive(positive), positive + ABOVE_POSITIVE)


def test_an_unlabelled_negative_as_near_as_the_positive_to_both_counts_two_thirds() -> None:
    # (1 - R) / (1 - R S) with R = S = 1/2.
    candidates = Candidates(at(0, 0), at(30, 30))
    assert loss_of("coupled", candidates).item() == pytest.approx(log(5 / 3))


@pytest.mark.parametrize(
    ("general", "share"),
    # Seen by the base, it would have been labelled: surely a negative. Unseen, it may be relevant.
    [((60, 0), 1.0), ((0, 120), 0.5)],
    ids=["selected", "not selected"],
)
def test_what_the_base_would_have_selected_is_surely_a_negative(
    general: tuple[float, float], share: float
) -> None:
    # Both of equal similarity to the anchor in the sum, at w = 0.5.
    angles = [angle_of(0.4 - cos(radians(angle))) for angle in general]
    candidates = Candidates(at(0), at(*angles, general=general))
    similarities = candidates.similarities(0.5)
    torch.testing.assert_close(similarities, torch.full_like(similarities, 0.2))
    loss = loss_of("coupled", candidates)
    assert loss.item() == pytest.approx(log(1 + share), abs=0.02)


def test_own_hard_negatives_are_labelled_and_keep_their_weight() -> None:
    one = Candidates(at(0), at(30), [at(10)])
    assert loss_of("coupled", one) == loss_of("info-nce", one)


@pytest.mark.parametrize("name", CONTRASTIVE)
def test_texts_that_are_no_candidates_count_for_nothing(name: str) -> None:

    alone = random_candidates(4, 1)
    _, *others = random_candidates(4, 3).private
    everywhere = torch.cat((torch.zeros(4, 4), torch.ones(4, 4)), dim=1).bool()
    for other in others:
        shared = joined((alone.shared, other))
        found = Candidates(alone.anchor, shared, alone.private, out=everywhere)
        assert loss_of(name, found).item() == pytest.approx(loss_of(name, alone).item())


@pytest.mark.parametrize("name", CONTRASTIVE)
def test_losses_are_numbers_in_half_precision_with_negatives_far_above_the_positive(
    name: str,
) -> None:
    anchor = Parts(torch.eye(4), torch.eye(4).requires_grad_())
    # Each text answers the next row's anchor, so that a rival is as near as can be.
    candidates = Candidates(anchor, Parts(torch.eye(4).roll(1, 0), torch.eye(4).roll(1, 0)), [])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = loss_of(name, candidates)
    loss.backward()
    assert loss.isfinite()
    assert anchor.polarity.grad is not None
    assert anchor.polarity.grad.isfinite().all()

"""The losses, each beside what its docstring says written out in loops."""

from __future__ import annotations

import pytest
import torch
from embedded_columns import COLUMNS, labels_of, make, raw_columns, unit
from reference_losses import (
    BATCH,
    DISTILLATION,
    HARDNESS,
    REFERENCES,
    SCALE,
    TEMPERATURE,
    WEIGHT,
    distilled,
    graded_group_reference,
    info_nce,
)
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import CoSENTLoss
from torch import nn

from training.losses.guidance import GuidanceLoss
from training.losses.kinds import LOSSES
from training.losses.parts import Parts
from training.losses.sentences import SentenceLoss

# How much of the distillation each loss adds to that.
DISTILLED = {
    "groups": 1,
    "contrasts": 1,
    "exclusions": 1,
    "inclusions": 1,
    "keywords": 1,
    "polarity": 1,
    "graded": 3,
    "questions": 3,
    "triplets": 1,
    "general": 1,
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_loss_is_what_its_docstring_says(kind: str) -> None:
    columns, labels = unit(raw_columns(COLUMNS[kind])), labels_of(kind)
    loss = make(kind).compute_loss_from_embeddings(columns, labels)
    expected = REFERENCES[kind](columns, labels) + DISTILLED[kind] * distilled(columns)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_hardness_weighs_own_negatives_by_how_near_they_are() -> None:
    anchor, positive, negative = columns = unit(raw_columns(3))
    loss = make("triplets", hardness=HARDNESS).compute_loss_from_embeddings(columns, None)
    margin = 0.5 * make("triplets").above(
        make("triplets").pairwise(anchor, positive), make("triplets").pairwise(anchor, negative)
    )
    expected = 0.5 * info_nce(anchor, positive, [negative], HARDNESS) + margin.item()
    assert loss.item() == pytest.approx(expected + distilled(columns), rel=1e-5)


def test_a_group_can_be_ordered_by_grades() -> None:
    columns = unit(raw_columns(COLUMNS["groups"]))
    loss = make("groups", group_order="cosent").compute_loss_from_embeddings(columns, None)
    expected = graded_group_reference(columns, None) + distilled(columns)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", COLUMNS)
def test_the_order_of_the_rows_in_a_batch_means_nothing(kind: str) -> None:
    columns, labels = unit(raw_columns(COLUMNS[kind])), labels_of(kind)
    order = torch.tensor([2, 0, 3, 1])
    shuffled = [Parts(column.general[order], column.polarity[order]) for column in columns]
    loss = make(kind)
    torch.testing.assert_close(
        loss.compute_loss_from_embeddings(shuffled, labels if labels is None else labels[order]),
        loss.compute_loss_from_embeddings(columns, labels),
    )


@pytest.mark.parametrize(
    ("kind", "together", "apart"),
    [
        ("groups", [(0, 1), (1, 2)], [(0, 3), (0, 4), (0, 5), (1, 3), (0, 7)]),
        ("contrasts", [(0, 2), (1, 3)], [(0, 3), (1, 2)]),
        ("exclusions", [(0, 1), (0, 2)], [(0, 3), (0, 4)]),
        ("questions", [(0, 1)], []),
        ("triplets", [(0, 1)], [(0, 2)]),
    ],
)
def test_a_step_down_the_gradient_brings_positives_nearer_and_own_negatives_further(
    kind: str, together: list[tuple[int, int]], apart: list[tuple[int, int]]
) -> None:
    raw = raw_columns(COLUMNS[kind])
    for column in raw:
        column.polarity.requires_grad_()
    loss = make(kind, distillation=0.0)
    before = unit(raw)
    down = torch.autograd.grad(
        loss.compute_loss_from_embeddings(before, None), [column.polarity for column in raw]
    )
    after = unit(
        [
            Parts(column.general, column.polarity - 0.01 * step)
            for column, step in zip(raw, down, strict=True)
        ]
    )

    def change(first: int, second: int) -> float:
        new, old = (loss.pairwise(parts[first], parts[second]) for parts in (after, before))
        return (new - old).mean().item()

    assert all(change(*pair) > 0 for pair in together)
    assert all(change(*pair) < 0 for pair in apart)


@pytest.mark.parametrize(
    ("kind", "signs"),
    [
        # Along the row's own direction, against it, or (0) across it.
        ("groups", [1, 1, 1, -1, -1, -1, 0, 0]),
        ("contrasts", [1, -1, 1, -1]),
        ("exclusions", [1, 1, 1, -1, -1]),
        ("questions", [1, 1]),
        ("triplets", [1, 1, -1]),
    ],
)
def test_texts_that_are_told_apart_perfectly_cost_nothing(kind: str, signs: list[int]) -> None:
    own, across = torch.eye(2 * BATCH)[:BATCH], torch.eye(2 * BATCH)[BATCH:]
    columns = [Parts(*[sign * own if sign else across] * 2) for sign in signs]
    loss = LOSSES[kind](
        nn.Identity(), weight=WEIGHT, temperature=0.04, margin_scale=0.02, distillation=1.0
    )
    assert loss.compute_loss_from_embeddings(columns, None).item() < 1e-6
    # The same texts the wrong way round cost much.
    wrong = [columns[0], *(Parts(-column.general, -column.polarity) for column in columns[1:])]
    assert loss.compute_loss_from_embeddings(wrong, None).item() > 1


def test_pairs_in_the_right_order_cost_nothing() -> None:
    left = Parts(torch.eye(BATCH), torch.eye(BATCH))
    signs = torch.tensor([1.0, 1.0, -1.0, -1.0])[:, None]
    columns = [left, Parts(signs * left.general, signs * left.polarity)]
    loss = make("polarity", distillation=0.0)
    right, wrong = torch.tensor([1.0, 1.0, 0.0, 0.0]), torch.tensor([0.0, 0.0, 1.0, 1.0])
    assert loss.compute_loss_from_embeddings(columns, right).item() < 1e-6
    assert loss.compute_loss_from_embeddings(columns, wrong).item() > 20


def test_the_order_loss_is_sentence_transformers_cosent_of_the_whole_vector(
    model: SentenceTransformer,
) -> None:
    columns, labels = unit(raw_columns(2)), labels_of("polarity")
    vectors = [
        torch.cat((column.general * (1 - WEIGHT) ** 0.5, column.polarity * WEIGHT**0.5), dim=1)
        for column in columns
    ]
    torch.testing.assert_close(
        make("polarity", distillation=0.0).compute_loss_from_embeddings(columns, labels),
        CoSENTLoss(model).compute_loss_from_embeddings(vectors, labels),
    )


def test_ordered_pairs_without_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="labels"):
        make("polarity").compute_loss_from_embeddings(unit(raw_columns(2)), None)


def test_distillation_leaves_the_pairs_within_a_row_free() -> None:
    first, second = unit(raw_columns(2))
    loss = make("graded")
    # Both parts alike but within the rows, where the polarity part says the opposite.
    own = torch.eye(BATCH)
    columns = [Parts(own, own), Parts(own, -own)]
    assert loss.distil(columns).item() == 0
    assert loss.distil([first, second]).item() > 1


def test_general_rows_cost_what_the_parts_disagree_within_them() -> None:
    own = torch.eye(BATCH)
    same, other = Parts(own, own), Parts(own, -own)
    loss = make("general")
    assert loss.compute_loss_from_embeddings([same, same, same], None).item() == 0
    # Only within the rows: between them both parts see nothing in common.
    assert loss.distil([same, other]).item() == 0
    wrong = loss.compute_loss_from_embeddings([same, other], None).item()
    assert wrong == pytest.approx(100 * DISTILLATION * 2**2)


def test_with_a_teacher_both_parts_are_distilled_from_it() -> None:
    base, other = torch.eye(BATCH), torch.ones(BATCH, BATCH) / BATCH**0.5
    loss = LOSSES["general"](
        nn.Identity(),
        weight=WEIGHT,
        temperature=TEMPERATURE,
        margin_scale=SCALE,
        distillation=1.0,
        teacher=nn.Identity(),
    )
    assert loss.distil([Parts(base, base, base)]).item() == 0
    # Either part alike for all rows, where the teacher sees nothing in common: cosine 1, not 0.
    assert loss.distil([Parts(base, other, base)]).item() == pytest.approx(100)
    assert loss.distil([Parts(other, base, base)]).item() == pytest.approx(100)
    assert loss.distil([Parts(other, other, base)]).item() == pytest.approx(200)


def test_every_loss_is_held_against_its_docstring() -> None:
    # Two need a second model: test_guidance.py, test_sentence_loss.py.
    guided = {GuidanceLoss, SentenceLoss}
    assert {LOSSES[kind] for kind in LOSSES} == {LOSSES[kind] for kind in COLUMNS} | guided
    assert set(REFERENCES) == set(COLUMNS)

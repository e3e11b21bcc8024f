"""The losses, each beside what its docstring says written out in loops."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from reference_losses import (
    BATCH,
    DISTILLATION,
    REFERENCES,
    SCALE,
    TEMPERATURE,
    WEIGHT,
    distilled,
)
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import CoSENTLoss
from torch import Tensor, nn

from training.losses import LOSSES, OrderLoss, Parts, TwoPartLoss, embed_columns

COLUMNS = {
    "groups": 8,
    "contrasts": 4,
    "exclusions": 5,
    "polarity": 2,
    "graded": 2,
    "questions": 2,
}


def make(kind: str, *, distillation: float = DISTILLATION) -> TwoPartLoss:
    """The loss of a kind of row, for vectors that are there already."""
    return LOSSES[kind](
        nn.Identity(),
        weight=WEIGHT,
        temperature=TEMPERATURE,
        margin_scale=SCALE,
        distillation=distillation,
    )


def raw_columns(count: int) -> list[Parts]:
    """Columns of vectors that are not yet of unit length: general (4, 40), polarity (4, 32)."""
    generator = torch.Generator().manual_seed(count)
    return [
        Parts(
            torch.randn(BATCH, 40, generator=generator), torch.randn(BATCH, 32, generator=generator)
        )
        for _ in range(count)
    ]


def unit(columns: Sequence[Parts]) -> list[Parts]:
    return [Parts(*(nn.functional.normalize(part, dim=1) for part in column)) for column in columns]


def labels_of(kind: str) -> Tensor | None:
    return torch.tensor([0.1, 0.9, 0.5, 0.5]) if COLUMNS[kind] == 2 else None


# How much of the distillation each loss adds to that.
DISTILLED = {
    "groups": 1,
    "contrasts": 1,
    "exclusions": 0,
    "polarity": 1,
    "graded": 3,
    "questions": 3,
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_loss_is_what_its_docstring_says(kind: str) -> None:
    columns, labels = unit(raw_columns(COLUMNS[kind])), labels_of(kind)
    loss = make(kind).compute_loss_from_embeddings(columns, labels)
    expected = REFERENCES[kind](columns, labels) + DISTILLED[kind] * distilled(columns)
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
    loss.compute_loss_from_embeddings(before, None).backward()
    after = unit([Parts(general, polarity - 0.01 * polarity.grad) for general, polarity in raw])

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
        torch.cat((general * (1 - WEIGHT) ** 0.5, polarity * WEIGHT**0.5), dim=1)
        for general, polarity in columns
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


def tokens(model: SentenceTransformer, *columns: list[str]) -> list[dict[str, Tensor]]:
    return [dict(model.preprocess(texts)) for texts in columns]


COLUMNS_OF_TEXTS = (
    ["the pump is open and the door never leaks at night and the lamp is late", "no door"],
    ["the pump leaks", "a boat"],
    ["the lamp is on and the train runs late at night and it never leaks", "early"],
    ["no pump leaks", "the red boat"],
)


def test_columns_embedded_together_are_each_as_if_alone(model: SentenceTransformer) -> None:
    features = tokens(model, *COLUMNS_OF_TEXTS)
    passes: list[tuple[int, ...]] = []
    model[0].register_forward_pre_hook(
        lambda _, arguments: passes.append(tuple(arguments[0]["input_ids"].shape))
    )
    with torch.no_grad():
        together = embed_columns(model, features)
        shared = list(passes)
        alone = [model(dict(column)) for column in features]
    # The two short columns share one pass, the two long ones another.
    assert len(shared) == 2
    assert [rows for rows, _ in shared] == [4, 4]
    for column, reference in zip(together, alone, strict=True):
        torch.testing.assert_close(column.general, reference["general"])
        torch.testing.assert_close(column.polarity, reference["polarity"])


def test_a_loss_embeds_its_columns_itself(model: SentenceTransformer) -> None:
    loss = OrderLoss(
        model, weight=WEIGHT, temperature=TEMPERATURE, margin_scale=SCALE, distillation=1.0
    )
    labels = torch.tensor([1.0, 0.0])
    features = tokens(model, *COLUMNS_OF_TEXTS[:2])
    value = loss(iter([dict(column) for column in features]), labels)
    expected = loss.compute_loss_from_embeddings(embed_columns(model, features), labels)
    torch.testing.assert_close(value, expected)
    value.backward()
    grads = {name for name, p in model.named_parameters() if p.grad is not None}
    assert grads
    assert all(".polarity." in f".{name}" for name in grads)

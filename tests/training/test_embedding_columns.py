"""Embedding the columns of a batch: texts of like length share a pass, and none is mixed up."""

from __future__ import annotations

import random
from copy import deepcopy
from itertools import accumulate

import pytest
import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor

from training.losses.columns import FEWEST, LENGTH_RATIO, alike, embed_columns
from training.losses.pairs import OrderLoss
from training.losses.parts import Parts

LONG = "the pump is open and the door never leaks at night and the lamp is late"
# Texts of 3 to 50 tokens in no order of length, as in the columns of a batch.
COLUMNS = (
    [LONG, "no door", f"{LONG} {LONG} {LONG}", "the boat is late", "red"],
    ["the pump leaks", "a boat", f"{LONG} with no valve", LONG, f"{LONG} {LONG}"],
    ["early", f"the lamp is on and {LONG}", "no", f"{LONG} {LONG} and red", "a red boat"],
    ["no pump leaks", "the red boat", "not a lamp", "the train runs late", f"{LONG} {LONG}"],
)


def tokens(model: SentenceTransformer) -> list[dict[str, Tensor]]:
    return [dict(model.preprocess(texts)) for texts in COLUMNS]


def alone(model: SentenceTransformer, text: str) -> Parts:
    output = model(dict(model.preprocess([text])))
    return Parts(output["general"][0], output["polarity"][0])


def test_columns_embedded_together_are_as_each_text_alone(model: SentenceTransformer) -> None:
    with torch.no_grad():
        together = embed_columns(model, tokens(model))
        assert len(together) == len(COLUMNS)
        for column, texts in zip(together, COLUMNS, strict=True):
            assert len(column.general) == len(column.polarity) == len(texts)
            for row, text in enumerate(texts):
                reference = alone(model, text)
                torch.testing.assert_close(column.general[row], reference.general)
                torch.testing.assert_close(column.polarity[row], reference.polarity)


def test_a_teacher_sees_the_same_texts_and_learns_nothing(model: SentenceTransformer) -> None:
    # The general part of an untrained encoder is its base.
    teacher = deepcopy(model[0])
    with torch.no_grad():
        reference = embed_columns(model, tokens(model))
    for column, own in zip(embed_columns(model, tokens(model), teacher), reference, strict=True):
        assert column.base is not None
        assert not column.base.requires_grad
        assert column.polarity.requires_grad
        torch.testing.assert_close(column.base, own.general)
        assert column.target is column.base
    assert all(column.base is None and column.target is column.general for column in reference)


def test_texts_of_like_length_share_a_pass_that_is_no_wider_than_they_are(
    model: SentenceTransformer,
) -> None:
    features = tokens(model)
    lengths = torch.cat([column["attention_mask"].sum(dim=1) for column in features])
    masks: list[Tensor] = []
    model[0].register_forward_pre_hook(
        lambda _, arguments: masks.append(arguments[0]["attention_mask"])
    )
    with torch.no_grad():
        embed_columns(model, features)
    shortest_first = torch.cat([mask.sum(dim=1) for mask in masks])
    torch.testing.assert_close(shortest_first, lengths.sort().values)
    assert [len(mask) for mask in masks] == alike(shortest_first.tolist())
    assert len(masks) > 1
    assert all(mask.shape[1] == mask.sum(dim=1).max() for mask in masks)


@pytest.mark.parametrize("seed", range(20))
def test_no_text_is_lost_whatever_the_lengths(seed: int) -> None:
    rng = random.Random(seed)
    lengths = sorted(rng.randint(2, 256) for _ in range(rng.randint(1, 150)))
    sizes = alike(lengths)
    assert sum(sizes) == len(lengths)
    assert all(size > 0 for size in sizes)
    starts = [0, *accumulate(sizes)]
    for start, size in zip(starts[:-1], sizes, strict=True):
        run = lengths[start : start + size]
        assert size == FEWEST or run[-1] <= LENGTH_RATIO * run[0] or start + size == len(lengths)
        assert size >= FEWEST or start + size == len(lengths)


@pytest.mark.parametrize(
    ("lengths", "sizes"),
    [
        ([], []),
        ([7], [1]),
        ([4] * 20, [20]),
        ([8] * 9 + [10] * 9 + [11] * 9, [18, 9]),
        ([*range(4, 34, 2)], [8, 7]),
        ([4] * 3 + [40] * 10, [8, 5]),
    ],
    ids=["none", "one", "all alike", "as far as the ratio", "too few alike", "filled up"],
)
def test_a_run_ends_where_texts_get_longer_but_not_before_it_is_worth_a_pass(
    lengths: list[int], sizes: list[int]
) -> None:
    assert alike(lengths) == sizes


def test_a_loss_embeds_its_columns_itself(model: SentenceTransformer) -> None:
    loss = OrderLoss(model, weight=0.3, temperature=0.1, margin_scale=0.2, distillation=1.0)
    labels = torch.tensor([1.0, 0.0, 0.5, 0.2, 0.7])
    features = tokens(model)[:2]
    value = loss(iter([dict(column) for column in features]), labels)
    expected = loss.compute_loss_from_embeddings(embed_columns(model, features), labels)
    torch.testing.assert_close(value, expected)
    value.backward()
    trained = {name for name, weight in model.named_parameters() if weight.grad is not None}
    assert trained
    assert all(".polarity." in f".{name}" for name in trained)

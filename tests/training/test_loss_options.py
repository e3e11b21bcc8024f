"""The losses' options: each acts on the kinds of rows it is for, alone, and reaches a real run."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from embedded_columns import COLUMNS, labels_of, make, raw_columns, unit
from sentence_transformers import SentenceTransformer

from training import train
from training.config import ExperimentConfig, Kind
from training.losses.contrastive import CONTRASTIVE
from training.losses.group_orders import GROUP_ORDERS
from training.losses.parts import Parts
from training.losses.ranking import PAIR_ORDERS

CONTRASTED = {
    *("groups", "contrasts", "exclusions", "inclusions", "keywords"),
    *("triplets", "questions"),
}
OPTIONS = [
    *(("contrastive", name, CONTRASTED) for name in CONTRASTIVE if name != "info-nce"),
    *(("pair_order", name, {"polarity", "graded"}) for name in PAIR_ORDERS if name != "cosent"),
    *(("group_order", name, {"groups"}) for name in GROUP_ORDERS if name != "margins"),
]


@pytest.mark.parametrize(("option", "name", "kinds"), OPTIONS)
def test_an_option_acts_on_its_kinds_of_rows_and_on_no_others(
    option: str, name: str, kinds: set[str]
) -> None:
    changed = set()
    for kind, count in COLUMNS.items():
        columns, labels = unit(raw_columns(count)), labels_of(kind)
        plain = make(kind).compute_loss_from_embeddings(columns, labels)
        found = make(kind, **{option: name}).compute_loss_from_embeddings(columns, labels)
        assert found.isfinite()
        changed |= {kind} if found != plain else set()
    assert changed == kinds


@pytest.mark.parametrize(("option", "name", "kinds"), OPTIONS)
def test_the_order_of_the_rows_means_nothing_whatever_the_option(
    option: str, name: str, kinds: set[str]
) -> None:
    order = torch.tensor([2, 0, 3, 1])
    for kind in kinds:
        columns, labels = unit(raw_columns(COLUMNS[kind])), labels_of(kind)
        shuffled = [Parts(column.general[order], column.polarity[order]) for column in columns]
        loss = make(kind, **{option: name})
        torch.testing.assert_close(
            loss.compute_loss_from_embeddings(
                shuffled, labels if labels is None else labels[order]
            ),
            loss.compute_loss_from_embeddings(columns, labels),
        )


@pytest.mark.parametrize(("option", "name", "kinds"), OPTIONS)
def test_an_option_of_an_experiment_reaches_its_losses_and_trains_the_polarity_part(
    option: str,
    name: str,
    kinds: set[str],
    experiment: ExperimentConfig,
    model: SentenceTransformer,
) -> None:
    config = replace(experiment, training=replace(experiment.training, **{option: name}))
    kind = sorted(kinds)[0]
    (loss,) = train.build_losses(config, model, [kind]).values()
    texts = ["The pump leaks.", "No pump leaks.", "The door is open at night."]
    columns = [
        dict(model.preprocess(texts[i % 3 :] + texts[: i % 3])) for i in range(COLUMNS[kind])
    ]
    labels = torch.tensor([1.0, 0.0, 0.5]) if COLUMNS[kind] == 2 else None
    loss(columns, labels).backward()
    gradients = {key: value.grad for key, value in model.named_parameters()}
    trained = {key for key, gradient in gradients.items() if gradient is not None}
    assert trained
    assert all(".polarity." in f".{key}" for key in trained)
    assert all(gradients[key].isfinite().all() for key in trained)


def test_a_kind_learns_at_its_own_weight_and_the_others_at_the_models(
    experiment: ExperimentConfig, model: SentenceTransformer
) -> None:
    kinds = {"exclusions": Kind(share=0.5, rows=2, weight=0.9), "groups": Kind(share=0.5, rows=2)}
    config = replace(experiment, training=replace(experiment.training, kinds=kinds))
    losses = train.build_losses(config, model, list(kinds))
    assert losses["exclusions"].weight == 0.9
    assert losses["groups"].weight == config.model.negation_weight != 0.9

"""Twin queries: what their loss asks for, and what it teaches a real encoder."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from guides import learn, polarity, tokenized
from sentence_transformers import SentenceTransformer
from torch.nn.functional import normalize

from training import train
from training.config import ExperimentConfig, Kind
from training.losses.base import DISTANCE_SCALE, TwoPartLoss
from training.losses.general import GeneralLoss
from training.losses.guidance import GuidanceLoss
from training.row import Row
from training.twin_queries import twin_rows

GUIDANCE = 0.8
TWINS = (
    ["The pump is open.", "No train is late.", "The lamp runs at night."],
    ["The pump is not open.", "All the trains are late.", "The lamp never runs at night."],
)


@pytest.fixture
def guided(experiment: ExperimentConfig) -> ExperimentConfig:
    training = replace(experiment.training, kinds={"twins": Kind(1.0, 3)}, guidance=GUIDANCE)
    return replace(experiment, training=training)


def loss_of(config: ExperimentConfig, model: SentenceTransformer) -> GuidanceLoss:
    loss = train.build_losses(config, model, ["twins"])["twins"]
    assert isinstance(loss, GuidanceLoss)
    return loss


def test_each_query_is_held_against_itself_moved_away_from_its_twin(
    guided: ExperimentConfig, model: SentenceTransformer
) -> None:
    with torch.no_grad():
        first, second = (polarity(model, texts) for texts in TWINS)
        gaps = [
            1 - own @ normalize(own + GUIDANCE * (own - twin), dim=0)
            for one, other in ((first, second), (second, first))
            for own, twin in zip(one, other, strict=True)
        ]
    loss = loss_of(guided, model)(tokenized(model, TWINS), None)
    assert loss.item() == pytest.approx(DISTANCE_SCALE * float(np.mean(gaps)), rel=1e-4)
    assert loss.item() > 0


def test_twins_move_apart_while_the_guide_stays_as_it_was(
    guided: ExperimentConfig, model: SentenceTransformer
) -> None:
    loss = loss_of(guided, model)
    before = torch.nn.functional.cosine_similarity(*(polarity(model, texts) for texts in TWINS))
    losses = learn(loss, model, TWINS)
    after = torch.nn.functional.cosine_similarity(*(polarity(model, texts) for texts in TWINS))
    assert losses[-1] < 0.7 * losses[0]
    assert (after < before).all()


def test_without_a_guide_there_is_nothing_to_learn(model: SentenceTransformer) -> None:
    loss = GuidanceLoss(
        model, weight=0.5, temperature=0.05, margin_scale=0.05, distillation=1.0, guidance=0.5
    )
    with pytest.raises(ValueError, match="guide"):
        loss(tokenized(model, TWINS), None)


def retaining(model: SentenceTransformer, retention: float) -> TwoPartLoss:
    return GeneralLoss(
        model.eval(),
        weight=0.5,
        temperature=0.05,
        margin_scale=0.05,
        distillation=1.0,
        guide=deepcopy(model[0]),
        retention=retention,
    )


def test_retention_holds_texts_without_labels_where_the_guide_has_them(
    model: SentenceTransformer,
) -> None:
    free, held = retaining(model, 0.0), retaining(model, 3.0)
    same = held(tokenized(model, TWINS), None).item()
    assert same == pytest.approx(free(tokenized(model, TWINS), None).item(), abs=1e-4)
    before = torch.cat([polarity(model, texts) for texts in TWINS]).detach()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight.add_(0.05 * torch.randn_like(weight))
    gap = 1 - (torch.cat([polarity(model, texts) for texts in TWINS]) * before).sum(dim=1).mean()
    assert gap.item() > 0.01
    added = held(tokenized(model, TWINS), None).item() - free(tokenized(model, TWINS), None).item()
    assert added == pytest.approx(3.0 * DISTANCE_SCALE * gap.item(), rel=1e-3)


def test_a_guide_is_there_where_something_needs_it(
    guided: ExperimentConfig, model: SentenceTransformer
) -> None:
    kinds, training = {"general": Kind(1.0, 3)}, guided.training
    for guidance, retention, has_guide in (
        (None, None, False),
        (None, 0.5, True),
        (0.5, None, True),
    ):
        changed = replace(training, kinds=kinds, guidance=guidance, retention=retention)
        loss = train.build_losses(replace(guided, training=changed), model, ["general"])["general"]
        assert (loss.guide is not None) == has_guide
        assert loss.retention == (retention or 0.0)


@pytest.mark.parametrize("guidance", [None, 0.0, -0.5])
def test_an_experiment_that_has_twins_says_how_far_they_move(
    guided: ExperimentConfig, guidance: float | None
) -> None:
    silent = replace(guided, training=replace(guided.training, guidance=guidance))
    with pytest.raises(ValueError, match=r"kinds\.twins: training\.guidance"):
        train.check_names(silent)


def test_a_run_learns_twins_with_the_other_rows(guided: ExperimentConfig, tmp_path: Path) -> None:
    kinds = {"twins": Kind(0.5, 3), "exclusions": Kind(0.5, 2)}
    training = replace(guided.training, kinds=kinds, steps=2, evaluate_every=2)
    best = train.main(replace(guided, name="twins", runs=tmp_path, training=training))
    assert (best / "model.safetensors").exists()


def test_the_sources_take_turns() -> None:
    rows = twin_rows(Random(4))
    drawn: list[Row] = [next(rows) for _ in range(40)]
    assert all(row["query_a"] != row["query_b"] for row in drawn)
    assert drawn == [row for row, _ in zip(twin_rows(Random(4)), range(40), strict=False)]

"""The order of rows in a run: easy negatives first, or last, and the drawn order within a stage."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer

from training import rows, train
from training.config import ExperimentConfig, Kind
from training.curriculum import SIDES, STAGES, Sides, arranged, hardness
from training.evaluation.joint import JointEvaluator
from training.row import Row
from training.rows import KINDS


def triplet(shared: int) -> Row:
    """A row whose negative shares so many of four words with the anchor."""
    anchor = [f"w{shared}{place}" for place in range(4)]
    negative = [*anchor[:shared], *(f"x{shared}{place}" for place in range(4 - shared))]
    return {"anchor": " ".join(anchor), "positive": "y", "negative": " ".join(negative)}


def test_hardness_is_the_mean_overlap_of_the_negatives() -> None:
    assert hardness(triplet(4), SIDES["triplets"]) == 1.0
    assert hardness(triplet(0), SIDES["triplets"]) == 0.0
    row: Row = {"query": "a b", "relevant_1": "a b", "violating_1": "a b", "violating_2": "c"}
    assert hardness(row, SIDES["exclusions"]) == 0.5


def test_hardness_of_a_contrast_is_how_alike_its_passages_are() -> None:
    row: Row = {"query_a": "a", "query_b": "b", "doc_a": "a b c", "doc_b": "a b d"}
    assert hardness(row, Sides("doc_a", "doc_b")) == 0.5


@pytest.mark.parametrize(("curriculum", "sign"), [("easy-to-hard", 1), ("hard-to-easy", -1)])
def test_each_stage_is_harder_or_easier_than_the_one_before(curriculum: str, sign: int) -> None:
    drawn = [triplet((7 * number) % 5) for number in range(40)]
    found = arranged(drawn, "triplets", curriculum)
    sizes = [sign * hardness(row, SIDES["triplets"]) for row in found]
    stages = [sizes[start : start + 10] for start in range(0, 40, 10)]
    assert len(stages) == STAGES
    assert all(max(one) <= min(next_one) for one, next_one in pairwise(stages))
    assert sorted(map(str, found)) == sorted(map(str, drawn))


def test_within_a_stage_rows_keep_the_order_in_which_they_were_drawn() -> None:
    drawn = rows.draw("groups", 200, seed=1)
    places = [drawn.index(row) for row in arranged(drawn, "groups", "easy-to-hard")]
    for start in range(0, 200, 50):
        assert places[start : start + 50] == sorted(places[start : start + 50])
    assert places != sorted(places)


@pytest.mark.parametrize("kind", ["graded", "general", "polarity"])
def test_rows_without_negatives_of_their_own_stay_as_drawn(kind: str) -> None:
    drawn = rows.draw(kind, 20, seed=1)
    assert arranged(drawn, kind, "easy-to-hard") == drawn


def test_without_a_curriculum_rows_stay_as_drawn() -> None:
    drawn = rows.draw("groups", 20, seed=1)
    assert arranged(drawn, "groups", None) == drawn


@pytest.mark.parametrize("kind", SIDES)
def test_the_sides_are_columns_of_the_kind(kind: str) -> None:
    assert kind in KINDS
    row, sides = rows.draw(kind, 1, seed=1)[0], SIDES[kind]
    assert sides.anchor in row
    negatives = [column for column in row if column.startswith(sides.negatives)]
    assert negatives
    assert sides.anchor not in negatives
    assert 0 <= hardness(row, sides) <= 1


def test_a_run_meets_easy_rows_first_with_its_kinds_mixed_as_ever(
    experiment: ExperimentConfig, model: SentenceTransformer
) -> None:
    kinds = {"groups": Kind(share=0.5, rows=2), "graded": Kind(share=0.5, rows=2)}
    settings = replace(experiment.training, steps=16, kinds=kinds)
    orders = {}
    for curriculum in (None, "easy-to-hard"):
        config = replace(experiment, training=replace(settings, curriculum=curriculum))
        datasets = train.draw_datasets(config)
        trainer = SentenceTransformerTrainer(
            model=model,
            args=train.arguments(config, datasets, bf16=False),
            train_dataset=datasets,
            loss=train.build_losses(config, model, list(datasets)),
            evaluator=JointEvaluator({}, bf16=False),
        )
        orders[curriculum] = [batch["dataset_name"] for batch in trainer.get_train_dataloader()]
        anchors = [row["anchor"] for row in datasets["groups"]]
        # Drawn anew, as a run that goes on does, the order is the same.
        assert anchors == [row["anchor"] for row in train.draw_datasets(config)["groups"]]
        found = [hardness(row, SIDES["groups"]) for row in datasets["groups"]]
        rising = max(found[:4]) <= min(found[-4:])
        assert rising == (curriculum is not None)
    assert orders[None] == orders["easy-to-hard"]
    assert set(orders[None][:8]) == {"groups", "graded"}

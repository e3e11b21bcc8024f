"""Batches: the rows in the order in which they were drawn, as many as their kind wants."""

from __future__ import annotations

import pytest
from datasets import Dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer

from training import rows, train
from training.config import ExperimentConfig
from training.evaluation.joint import JointEvaluator
from training.sampling import SizedBatches


def dataset(kind: str, count: int) -> Dataset:
    made = Dataset.from_list([{"text": str(number)} for number in range(count)])
    made.info.description = kind
    return made


@pytest.mark.parametrize(
    ("kind", "batches"),
    [
        ("short", [[0, 1, 2], [3, 4, 5]]),
        ("long", [[0, 1], [2, 3], [4, 5], [6, 7]]),
    ],
)
def test_a_kind_gets_full_batches_of_its_own_size_in_order(
    kind: str, batches: list[list[int]]
) -> None:
    make = SizedBatches({"short": 3, "long": 2})
    sampler = make(dataset(kind, 8), batch_size=64, drop_last=True, seed=4)
    assert list(sampler) == batches
    assert len(sampler) == len(batches)


def test_the_trainer_takes_the_rows_as_they_were_drawn(
    experiment: ExperimentConfig, model: SentenceTransformer
) -> None:
    datasets = train.draw_datasets(experiment)
    trainer = SentenceTransformerTrainer(
        model=model,
        args=train.arguments(experiment, datasets, bf16=False),
        train_dataset=datasets,
        loss=train.build_losses(experiment, model, list(datasets)),
        evaluator=JointEvaluator({}, bf16=False),
    )
    kinds = experiment.training.kinds
    seen = {}
    for batch in trainer.get_train_dataloader():
        kind = batch["dataset_name"]
        drawn = rows.draw(kind, kinds[kind].rows, experiment.seed)
        column = next(iter(drawn[0]))
        expected = model.preprocess([str(row[column]) for row in drawn])["input_ids"]
        assert (batch[f"{column}_input_ids"] == expected).all()
        seen[kind] = len(expected)
    assert seen == {kind: settings.rows for kind, settings in kinds.items()}

"""Train the two-part encoder: `python -m training.train training/experiments/encoder.toml`.

Reads the experiment, the distilled corpus and the public sets; writes checkpoints, `dev.jsonl` and
`best/` (a sentence-transformers folder) into the run's folder. A run that was stopped goes on from
its last checkpoint. Runs unchanged on a GPU, and on several under `torchrun` or `accelerate`.
"""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path

from datasets import Dataset, DatasetDict
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from transformers.trainer_utils import get_last_checkpoint, set_seed

from training import base, rows
from training.config import ExperimentConfig, TrainingConfig, read_experiment
from training.evaluation.joint import RUN_TASKS, JointEvaluator
from training.losses import LOSSES, TwoPartLoss
from training.run import (
    has_bfloat16,
    is_main_process,
    pin_configuration,
    processes,
    run_stage,
    write_json,
)
from training.sampling import SizedBatches
from training.schedule import trainer_settings
from training.two_part import TwoPartEncoder

logger = logging.getLogger(__name__)


def main(config: ExperimentConfig) -> Path:
    """Train and return the folder of the chosen checkpoint."""
    check_names(config.training)
    set_seed(config.seed)
    pin_configuration(config, config.folder)
    model = build_model(config)
    datasets = draw_datasets(config)
    bf16 = has_bfloat16()
    trainer = SentenceTransformerTrainer(
        model=model,
        args=arguments(config, datasets, bf16=bf16),
        train_dataset=datasets,
        loss=build_losses(config, model, list(datasets)),
        evaluator=JointEvaluator(config.training.floors, bf16=bf16),
    )
    trainer.train(resume_from_checkpoint=get_last_checkpoint(str(config.folder)))
    best = config.folder / "best"
    if is_main_process():
        model.save(str(best))
        state = trainer.state
        summary = {"best_joint": state.best_metric, "best_step": state.best_global_step}
        write_json(config.folder / "train.json", summary)
    return best


def check_names(training: TrainingConfig) -> None:
    """Refuse kinds and floors that stand for nothing, before the run's folder is taken.

    Raises:
        ValueError: A name is unknown; the message gives it.
    """
    known = (("kinds", training.kinds, rows.KINDS), ("floors", training.floors, RUN_TASKS))
    for table, names, there in known:
        if unknown := sorted(set(names) - set(there)):
            raise ValueError(f"{table}: unknown name(s) {', '.join(unknown)}")


def build_model(config: ExperimentConfig) -> SentenceTransformer:
    """Start the encoder from its base, or from a checkpoint of an earlier run.

    Raises:
        ValueError: The checkpoint has another shape than the configuration says.
    """
    shape = asdict(config.model)
    path, start = base.folder(shape.pop("base")), shape.pop("start")
    if start is None:
        module = TwoPartEncoder.from_base(path, **shape)
    else:
        module = TwoPartEncoder.load(start)
        if module.get_config_dict() != {"general_dimensions": module.general_dimensions, **shape}:
            raise ValueError(f"{start} has another shape than the configuration says")
    return SentenceTransformer(modules=[module], similarity_fn_name="cosine")


def draw_datasets(config: ExperimentConfig) -> DatasetDict:
    """Draw the rows of every kind for the whole run; a kind without a source is left out.

    Several processes go through as many batches a step, so that the steps stay what they are.
    """
    datasets = {}
    for name, kind in config.training.kinds.items():
        batches = round(config.training.steps * kind.share) * processes()
        drawn = rows.draw(name, batches * kind.rows, config.seed)
        if drawn:
            datasets[name] = Dataset.from_list(drawn)
            datasets[name].info.description = name
        else:
            logger.warning("No rows of kind %s: the run goes on without them", name)
    return DatasetDict(datasets)


def build_losses(
    config: ExperimentConfig, model: SentenceTransformer, kinds: list[str]
) -> dict[str, TwoPartLoss]:
    """One loss for each kind of row."""
    training = config.training
    return {
        kind: LOSSES[kind](
            model,
            weight=config.model.negation_weight,
            temperature=training.temperature,
            margin_scale=training.margin_scale,
            distillation=training.distillation,
        )
        for kind in kinds
    }


def arguments(
    config: ExperimentConfig, datasets: DatasetDict, *, bf16: bool
) -> SentenceTransformerTrainingArguments:
    """Settings of the trainer."""
    kinds = config.training.kinds
    return SentenceTransformerTrainingArguments(
        **trainer_settings(
            config.training, config.folder, seed=config.seed, criterion="joint", bf16=bf16
        ),
        batch_sampler=SizedBatches({name: kinds[name].rows for name in datasets}),
        dataloader_drop_last=True,
    )


if __name__ == "__main__":
    run_stage(
        "training.train",
        "Train the two-part encoder.",
        lambda path: main(read_experiment(path)),
    )

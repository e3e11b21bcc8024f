"""Train the encoder: `python -m training.train training/experiments/encoder-a.toml`.

Reads the experiment, the distilled corpus and the public sets; writes checkpoints, `dev.jsonl` and
`best/` (a sentence-transformers folder) into the run's folder. A run that was stopped goes on from
its last checkpoint. Runs unchanged on a GPU, and on several under `torchrun` or `accelerate`.
An experiment with a table `decoder` trains a decoder's adapter by the same rows and losses.
"""

from __future__ import annotations

import logging
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import Any

from datasets import Dataset, DatasetDict
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from transformers.trainer_utils import get_last_checkpoint, set_seed

from training import base, rows
from training.config import (
    ExperimentConfig,
    ModelConfig,
    TrainingConfig,
    check_known,
    read_experiment,
)
from training.decoder import encoder as decoder
from training.decoder.config import DecoderConfig
from training.evaluation.joint import JointEvaluator
from training.evaluation.tasks import RUN_TASKS
from training.fusion import average
from training.losses import GROUP_ORDERS, LOSSES, TwoPartLoss
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
    model = build_model(config)
    pin_configuration(config, config.folder)
    evaluator = JointEvaluator(config.training.floors, bf16=has_bfloat16())
    if config.model.distil_general or isinstance(config.model, DecoderConfig):
        evaluator.keep_base(model)
    learn = fit if config.training.steps else measure
    summary = learn(config, model, evaluator)
    best = config.folder / "best"
    if is_main_process():
        model.save(str(best))
        write_json(config.folder / "train.json", summary)
    return best


def fit(
    config: ExperimentConfig, model: SentenceTransformer, evaluator: JointEvaluator
) -> dict[str, Any]:
    """Train, leave the chosen checkpoint's weights in the model, and say which one it is."""
    datasets = draw_datasets(config)
    trainer = SentenceTransformerTrainer(
        model=model,
        args=arguments(config, datasets, bf16=has_bfloat16()),
        train_dataset=datasets,
        loss=build_losses(config, model, list(datasets)),
        evaluator=evaluator,
    )
    trainer.train(resume_from_checkpoint=get_last_checkpoint(str(config.folder)))
    state = trainer.state
    return {"best_joint": state.best_metric, "best_step": state.best_global_step}


def measure(
    config: ExperimentConfig, model: SentenceTransformer, evaluator: JointEvaluator
) -> dict[str, Any]:
    """Only measure: a run of no steps is the average of those that it starts from."""
    figures = evaluator(model, str(config.folder / "eval"), steps=0)
    return {"best_joint": figures["joint"], "best_step": 0}


def check_names(training: TrainingConfig) -> None:
    """Refuse kinds and floors that stand for nothing, before the run's folder is taken.

    Raises:
        ValueError: A name is unknown; the message gives it.
    """
    check_known("kinds", training.kinds, rows.KINDS)
    check_known("floors", training.floors, RUN_TASKS)
    check_known("group_order", [training.group_order], GROUP_ORDERS)


def build_model(config: ExperimentConfig) -> SentenceTransformer:
    """Start the encoder from its base, or from the average of checkpoints of earlier runs.

    Raises:
        ValueError: A checkpoint has another shape than the configuration says.
    """
    if isinstance(config.model, DecoderConfig):
        return decoder.build(config.model)
    return build_two_part(config.model)


def build_two_part(model: ModelConfig) -> SentenceTransformer:
    """Start a two-part encoder.

    Raises:
        ValueError: A checkpoint has another shape than the configuration says.
    """
    shape = asdict(model)
    path, starts = base.folder(shape.pop("base")), shape.pop("start")
    if shape.pop("distil_general") and starts:
        raise ValueError("model.distil_general: cannot go on from model.start, which has no base")
    if starts:
        module = average([load_checkpoint(start, shape) for start in starts])
    else:
        module = TwoPartEncoder.from_base(path, **shape)
    module.freeze_general(not model.distil_general)
    return SentenceTransformer(modules=[module], similarity_fn_name="cosine")


def load_checkpoint(folder: str, shape: dict[str, Any]) -> TwoPartEncoder:
    """Read a checkpoint of a known shape; its weight *w* may be another.

    One that shares more layers is read too: *p* gets layers of its own, which learn from then on.

    Raises:
        ValueError: It has another shape; the message names the folder and what differs.
    """
    module = TwoPartEncoder.load(folder)
    if shape["shared_layers"] < module.shared_layers:
        module.unshare(shape["shared_layers"])
    found = module.get_config_dict()
    differ = [
        f"{name} is {found[name]}, not {value}"
        for name, value in shape.items()
        if name != "negation_weight" and found[name] != value
    ]
    if differ:
        raise ValueError(f"{folder} has another shape than the configuration says: {differ[0]}")
    module.negation_weight = shape["negation_weight"]
    return module


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
    teacher = deepcopy(model[0]).freeze_general() if config.model.distil_general else None
    return {
        kind: LOSSES[kind](
            model,
            weight=config.model.negation_weight,
            temperature=training.temperature,
            margin_scale=training.margin_scale,
            distillation=training.distillation,
            hardness=training.hardness,
            group_order=training.group_order,
            teacher=teacher,
        )
        for kind in kinds
    }


def arguments(
    config: ExperimentConfig, datasets: DatasetDict, *, bf16: bool
) -> SentenceTransformerTrainingArguments:
    """Settings of the trainer."""
    kinds = config.training.kinds
    instruction = ""
    if isinstance(config.model, DecoderConfig):
        instruction = config.model.query_instruction
    return SentenceTransformerTrainingArguments(
        **trainer_settings(
            config.training, config.folder, seed=config.seed, criterion="joint", bf16=bf16
        ),
        batch_sampler=SizedBatches({name: kinds[name].rows for name in datasets}),
        dataloader_drop_last=True,
        # Every loss uses all that learns; and columns run in several passes before one backward.
        ddp_find_unused_parameters=False,
        prompts=dict.fromkeys(rows.QUERY_COLUMNS, instruction) if instruction else None,
    )


if __name__ == "__main__":
    run_stage(
        "training.train",
        "Train the encoder.",
        lambda path: main(read_experiment(path)),
    )

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
from functools import partial
from pathlib import Path
from typing import Any

from datasets import Dataset, DatasetDict
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from transformers.trainer_utils import set_seed

from training import base, rows
from training.config import (
    ExperimentConfig,
    ModelConfig,
    check_known,
    check_latest,
    read_experiment,
)
from training.cue_phrases import CUE_PHRASES
from training.curriculum import CURRICULA, arranged
from training.decoder import encoder as decoder
from training.decoder.config import DecoderConfig
from training.evaluation.joint import JointEvaluator
from training.evaluation.tasks import RUN_TASKS
from training.fusion import FUSIONS, average, delta_average
from training.gating import fit_gate
from training.losses.base import TwoPartLoss
from training.losses.contrastive import CONTRASTIVE
from training.losses.group_orders import GROUP_ORDERS
from training.losses.groups import GroupLoss
from training.losses.kinds import LOSSES
from training.losses.ranking import PAIR_ORDERS
from training.run import (
    has_bfloat16,
    is_main_process,
    pin_configuration,
    processes,
    run_stage,
    write_json,
)
from training.sampling import SizedBatches
from training.schedule import finish, measure, trainer_settings
from training.soft_labels import read_group_scores, soften
from training.two_part import POOLINGS, TwoPartEncoder

logger = logging.getLogger(__name__)

# Settings of the encoder that no weight depends on which is learnt from one run to the next.
WEIGHTLESS = frozenset(
    ("negation_weight", "pooling", "cue_phrases", "exclusion_weight", "exclusion_turn")
)


def main(config: ExperimentConfig) -> Path:
    """Train and return the folder of the chosen checkpoint."""
    check_names(config)
    if (scores := config.training.judge_scores) is not None and not Path(scores).is_file():
        raise ValueError(f"training.judge_scores: {scores} is not there: run first what writes it")
    set_seed(config.seed)
    model = build_model(config)
    pin_configuration(config, config.folder)
    prepare = partial(fit_gate, seed=config.seed)
    evaluator = JointEvaluator(config.training.floors, bf16=has_bfloat16(), prepare=prepare)
    if config.model.distil_general or isinstance(config.model, DecoderConfig):
        evaluator.keep_base(model)
    if config.training.steps:
        summary = fit(config, model, evaluator)
    else:
        summary = measure(model, evaluator, config.folder)
    best = config.folder / "best"
    if is_main_process():
        if config.training.steps:
            # Once more: a run that is shorter than the steps between evaluations measured nothing.
            prepare(model)
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
    return finish(trainer, config.folder)


def check_names(config: ExperimentConfig) -> None:
    """Refuse names that stand for nothing, before the run's folder is taken.

    Raises:
        ValueError: A name is unknown; the message gives it.
    """
    training = config.training
    check_known("kinds", training.kinds, rows.KINDS)
    check_known("floors", training.floors, RUN_TASKS)
    check_known("group_order", [training.group_order], GROUP_ORDERS)
    check_known("contrastive", filter(None, [training.contrastive]), CONTRASTIVE)
    check_known("pair_order", filter(None, [training.pair_order]), PAIR_ORDERS)
    check_latest("kinds", training.kinds, rows.LATEST)
    for name, kind in training.kinds.items():
        if kind.weight is not None and not 0.0 < kind.weight <= 1.0:
            raise ValueError(f"kinds.{name}: weight must lie over 0 and be at most 1")
    if "twins" in training.kinds and (training.guidance or 0.0) <= 0.0:
        raise ValueError("kinds.twins: training.guidance must be over 0: how far they move apart")
    if training.judge_scores is not None and training.group_order != "judged":
        raise ValueError('training.judge_scores: for group_order = "judged" alone')
    check_known("curriculum", filter(None, [training.curriculum]), CURRICULA)
    if isinstance(config.model, ModelConfig):
        check_known("fusion", filter(None, [config.model.fusion]), FUSIONS)
        check_known("pooling", filter(None, [config.model.pooling]), POOLINGS)


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
    fusion = shape.pop("fusion")
    shape["pooling"] = shape["pooling"] or "mean"
    shape["cue_phrases"] = list(CUE_PHRASES) if shape.pop("cue_merging") else []
    if starts:
        encoders = [load_checkpoint(start, shape) for start in starts]
        if fusion == "delta":
            module = delta_average(encoders, TwoPartEncoder.from_base(path, **shape))
        else:
            module = average(encoders)
    else:
        module = TwoPartEncoder.from_base(path, **shape)
    module.freeze_general(not model.distil_general)
    return SentenceTransformer(modules=[module], similarity_fn_name="cosine")


def load_checkpoint(folder: str, shape: dict[str, Any]) -> TwoPartEncoder:
    """Read a checkpoint of a known shape; what has no weights of its own may be another.

    One that shares more layers is read too: *p* gets layers of its own, which learn from then on.

    Raises:
        ValueError: It has another shape; the message names the folder and what differs.
    """
    if not Path(folder).is_dir():
        raise ValueError(f"model.start: {folder} is not there: run first what writes it")
    module = TwoPartEncoder.load(folder)
    if shape["shared_layers"] < module.shared_layers:
        module.unshare(shape["shared_layers"])
    found = module.get_config_dict()
    differ = [
        f"{name} is {found[name]}, not {value}"
        for name, value in shape.items()
        if name not in WEIGHTLESS and found[name] != value
    ]
    if differ:
        raise ValueError(f"{folder} has another shape than the configuration says: {differ[0]}")
    module.negation_weight, module.pooling = shape["negation_weight"], shape["pooling"]
    module.bind_cues(shape["cue_phrases"])
    # A checkpoint's own gate, if it has one, was fitted to other weights.
    module.gate_exclusions(shape["exclusion_weight"], shape["exclusion_turn"])
    return module


def draw_datasets(config: ExperimentConfig) -> DatasetDict:
    """Draw the rows of every kind for the whole run; a kind without a source is left out.

    Several processes go through as many batches a step, so that the steps stay what they are.
    """
    datasets = {}
    judged = config.training.judge_scores
    scores = read_group_scores(Path(judged)) if judged else None
    for name, kind in config.training.kinds.items():
        batches = round(config.training.steps * kind.share) * processes()
        drawn = rows.draw(name, batches * kind.rows, config.seed, kind.latest)
        if drawn:
            ordered: list[Any] = arranged(drawn, name, config.training.curriculum)
            if scores is not None and LOSSES[name] is GroupLoss:
                ordered = soften(ordered, scores)
            datasets[name] = Dataset.from_list(ordered)
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
    guided = training.guidance or training.retention or "sentences" in kinds
    guide = deepcopy(model[0]).requires_grad_(False).eval() if guided else None
    return {
        kind: LOSSES[kind](
            model,
            weight=training.kinds[kind].weight or config.model.negation_weight,
            temperature=training.temperature,
            margin_scale=training.margin_scale,
            distillation=training.distillation,
            hardness=training.hardness,
            group_order=training.group_order,
            contrastive=training.contrastive,
            pair_order=training.pair_order,
            teacher=teacher,
            guide=guide,
            guidance=training.guidance or 0.0,
            retention=training.retention or 0.0,
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

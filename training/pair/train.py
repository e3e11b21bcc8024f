"""Train the discriminator: `python -m training.pair.train training/experiments/pair.toml`.

Writes checkpoints, `dev.jsonl` and `best/` (a cross-encoder folder) into the run's folder; a run
that was stopped goes on from its last checkpoint.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from sentence_transformers import CrossEncoder
from sentence_transformers.base.evaluation import BaseEvaluator as SentenceEvaluator
from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
from transformers.trainer_utils import get_last_checkpoint, set_seed

from training import base
from training.pair import rows
from training.pair.config import PairConfig, read_pair_experiment
from training.pair.evaluation import both_orders, contradiction_auc, dev_arrays, relation_figures
from training.pair.loss import PartialLabelLoss
from training.pair.relations import RELATIONS
from training.run import (
    has_bfloat16,
    is_main_process,
    pin_configuration,
    processes,
    run_stage,
)
from training.sampling import SizedBatches
from training.schedule import trainer_settings


def main(config: PairConfig) -> Path:
    """Train and return the folder of the chosen checkpoint."""
    if unknown := sorted(set(config.shares) - set(rows.SOURCES)):
        raise ValueError(f"shares: unknown name(s) {', '.join(unknown)}")
    set_seed(config.seed)
    pin_configuration(config, config.folder)
    model = build_model(config)
    drawn = rows.draw(config.shares, config.steps * config.rows * processes(), config.seed)
    pairs = rows.batched_by_length(drawn, config.rows, config.seed)
    dataset = Dataset.from_list([asdict(pair) for pair in pairs])
    dataset.info.description = "pairs"
    bf16 = has_bfloat16()
    trainer = CrossEncoderTrainer(
        model=model,
        args=arguments(config, bf16=bf16),
        train_dataset=dataset,
        loss=PartialLabelLoss(model),
        evaluator=RelationEvaluator(bf16=bf16),
    )
    trainer.train(resume_from_checkpoint=get_last_checkpoint(str(config.folder)))
    best = config.folder / "best"
    if is_main_process():
        model.save_pretrained(str(best))
    return best


def build_model(config: PairConfig) -> CrossEncoder:
    """Start the cross-encoder from an encoder, with a new head, or from an earlier run.

    The embeddings, half of the weights, stay as they are: they would be learnt from few words. No
    dropout in the attention, or a processor cannot run it in one fused step.
    """
    model = CrossEncoder(
        config.start or base.folder(config.base),
        num_labels=len(RELATIONS),
        max_length=config.max_length,
        config_kwargs={"attention_probs_dropout_prob": 0.0},
    )
    model.model.base_model.embeddings.requires_grad_(False)
    model.model.config.id2label = dict(enumerate(RELATIONS))
    model.model.config.label2id = {name: index for index, name in enumerate(RELATIONS)}
    return model


def arguments(config: PairConfig, *, bf16: bool) -> CrossEncoderTrainingArguments:
    """Settings of the trainer."""
    return CrossEncoderTrainingArguments(
        **trainer_settings(
            config, config.folder, seed=config.seed, criterion="macro_f1", bf16=bf16
        ),
        batch_sampler=SizedBatches({"pairs": config.rows}),
    )


class RelationEvaluator(SentenceEvaluator):
    """Figures on the distilled dev groups, and the contradiction AUC on CANNOT dev.

    Args:
        bf16: Run in bfloat16.
    """

    def __init__(self, *, bf16: bool) -> None:
        super().__init__()
        self.bf16 = bf16
        self.primary_metric = "macro_f1"

    def __call__(
        self, model: Any, output_path: str | None = None, epoch: float = -1, steps: int = -1
    ) -> dict[str, float]:
        """Measure, and append the figures to `dev.jsonl` beside the checkpoints."""

        def score(texts: Any) -> Any:
            device = model.device.type
            with torch.autocast(device, dtype=torch.bfloat16, enabled=self.bf16):
                return model.predict(list(texts), batch_size=64, show_progress_bar=False)

        symmetric = both_orders(score)
        texts, relations = dev_arrays()
        figures = relation_figures(symmetric(texts), relations)
        if (auc := contradiction_auc(symmetric, "cannot/dev")) is not None:
            figures["cannot_auc"] = auc
        if output_path is not None and is_main_process():
            with (Path(output_path) / "dev.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps({"step": steps, **figures}) + "\n")
        return figures


if __name__ == "__main__":
    run_stage(
        "training.pair.train",
        "Train the pair discriminator.",
        lambda path: main(read_pair_experiment(path)),
    )

"""Train the discriminator: `python -m training.pair.train training/experiments/pair.toml`.

Writes checkpoints, `dev.jsonl`, `best/` (a cross-encoder folder) and, at its end, `train.json` into
the run's folder; a run that was stopped goes on from its last checkpoint.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset, DatasetDict
from sentence_transformers import CrossEncoder
from sentence_transformers.base.evaluation import BaseEvaluator as SentenceEvaluator
from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
from transformers.trainer_utils import set_seed

from training.config import check_known, check_latest
from training.evaluation.encoding import Encode, Remembered
from training.evaluation.opening import encoder
from training.evaluation.target import read_target
from training.pair import rows
from training.pair.config import PairConfig, read_pair_experiment
from training.pair.crossed import CROSSED, CrossedLoss
from training.pair.crossed import draw as draw_crossed
from training.pair.evaluation import (
    Relevance,
    Score,
    both_orders,
    contradiction_auc,
    dev_arrays,
    relation_figures,
    relevance_figures,
    strangers,
    with_similarity,
)
from training.pair.heads import HEADS
from training.pair.loss import (
    OBJECTIVES,
    PartialLabelLoss,
    RelevanceLoss,
    balanced_weights,
)
from training.pair.model import FIRST_TOKEN, build_model
from training.pair.rankings import LATEST, SOURCES, draw, with_similarities
from training.pair.relations import RELATIONS
from training.pair.sentence_relevance import sentence_relevance
from training.rows import CROPPED
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

logger = logging.getLogger(__name__)

# The data set of pairs, beside those of rankings.
PAIRS = "pairs"
# Public dev sets on which a checkpoint's contradiction score is judged, with pairs enough to see.
AUC_SETS = {"cannot/dev": None, "mnli_sample/dev": 1000, "nli_new_protocols/dev": 1000}


def main(config: PairConfig) -> Path:
    """Train and return the folder of the chosen checkpoint."""
    check_names(config)
    set_seed(config.seed)
    pin_configuration(config, config.folder)
    model = build_model(config)
    evaluator = PairEvaluator(config, bf16=has_bfloat16())
    if config.steps:
        summary = fit(config, model, evaluator)
    else:
        summary = measure(model, evaluator, config.folder)
    best = config.folder / "best"
    if is_main_process():
        model.save_pretrained(str(best))
        write_json(config.folder / "train.json", summary)
    return best


def fit(config: PairConfig, model: CrossEncoder, evaluator: PairEvaluator) -> dict[str, Any]:
    """Train, leave the chosen checkpoint's weights in the model, and say which one it is."""
    datasets = draw_datasets(config)
    weights = None
    if config.objective == "weighted":
        weights = balanced_weights(torch.tensor(datasets[PAIRS]["label"]))
    relevance = RelevanceLoss(model, config.similarity_scale, config.relevance_penalty)
    losses = {
        PAIRS: PartialLabelLoss(model, config.objective, weights),
        CROSSED: CrossedLoss(model),
    }
    trainer = CrossEncoderTrainer(
        model=model,
        args=arguments(config, bf16=has_bfloat16()),
        train_dataset=datasets,
        loss={name: losses.get(name, relevance) for name in datasets},
        evaluator=evaluator,
    )
    return finish(trainer, config.folder)


def check_names(config: PairConfig) -> None:
    """Refuse sources that there are not, before the run's folder is taken.

    Raises:
        ValueError: A name is unknown, or a source cannot give its latest rows; the message says so.
    """
    check_known("shares", config.shares, rows.SOURCES)
    check_known("relevance", config.relevance, (*SOURCES, CROSSED))
    check_latest("relevance", config.relevance, (*LATEST, CROSSED))
    if (crossed := config.relevance.get(CROSSED)) and crossed.near + crossed.far:
        raise ValueError(f"relevance.{CROSSED}: no passages can be looked up beside these")
    for name, kind in config.relevance.items():
        if name != CROSSED and (kind.cropped != CROPPED or kind.around is not None):
            raise ValueError(f"relevance.{name}: cropped and around are for {CROSSED} alone")
    check_known("objective", [config.objective], OBJECTIVES)
    check_known("head", [config.head], (FIRST_TOKEN, *HEADS))


def draw_datasets(config: PairConfig) -> DatasetDict:
    """Draw a run's pairs, and the rankings of each source; one that is not there is left out."""
    steps = processes() * config.pair_steps
    drawn = rows.draw(config.shares, steps * config.rows, config.seed)
    pairs = rows.batched_by_length(drawn, config.rows, config.seed)
    datasets = {PAIRS: Dataset.from_list([asdict(pair) for pair in pairs])}
    if config.relevance:
        datasets |= draw_rankings(config)
    for name, dataset in datasets.items():
        dataset.info.description = name
    return DatasetDict(datasets)


def draw_rankings(config: PairConfig) -> dict[str, Dataset]:
    """Draw the rankings of each source; with their cosines where the run adds to those."""
    encode = Remembered(open_encoder(config))
    steps = processes() * config.steps
    datasets = {}
    for name, kind in config.relevance.items():
        if name == CROSSED:
            crossed = draw_crossed(kind, steps, config.seed)
            ordered = rows.batched_by_length(crossed, kind.rows, config.seed)
            datasets[name] = Dataset.from_list([row.columns() for row in ordered])
            continue
        rankings = rows.batched_by_length(
            draw(name, kind, steps, config.seed, encode), kind.rows, config.seed
        )
        if not rankings:
            logger.warning("No rankings of %s: the run goes on without them", name)
        elif config.similarity_scale and not kind.alone:
            datasets[name] = Dataset.from_list(with_similarities(rankings, encode))
        else:
            datasets[name] = Dataset.from_list([ranking.columns() for ranking in rankings])
    return datasets


def open_encoder(config: PairConfig) -> Encode:
    """The encoder whose search the run's rankings are of."""
    return encoder(read_target(config.encoder or config.base))


def arguments(config: PairConfig, *, bf16: bool) -> CrossEncoderTrainingArguments:
    """Settings of the trainer."""
    sizes = {name: kind.rows for name, kind in config.relevance.items()}
    return CrossEncoderTrainingArguments(
        **trainer_settings(config, config.folder, seed=config.seed, criterion="joint", bf16=bf16),
        batch_sampler=SizedBatches({PAIRS: config.rows, **sizes}),
    )


class PairEvaluator(SentenceEvaluator):
    """Figures of both heads on the distilled dev rows and, in part, on public dev sets.

    Their mean, `joint`, chooses the checkpoint.

    Args:
        config: The run; where it trains no relevance, that head does not count.
        bf16: Run in bfloat16.
    """

    def __init__(self, config: PairConfig, *, bf16: bool) -> None:
        super().__init__()
        self.config = config
        self.bf16 = bf16
        self.primary_metric = "joint"

    def __call__(
        self, model: Any, output_path: str | None = None, epoch: float = -1, steps: int = -1
    ) -> dict[str, float]:
        """Measure, and append the figures to `dev.jsonl` beside the checkpoints."""

        def outputs(texts: Any) -> Any:
            device = model.device.type
            with torch.autocast(device, dtype=torch.bfloat16, enabled=self.bf16):
                return model.predict(list(texts), batch_size=64, show_progress_bar=False)

        figures = self.measure(outputs)
        if output_path is not None and is_main_process():
            Path(output_path).mkdir(parents=True, exist_ok=True)
            with (Path(output_path) / "dev.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps({"step": steps, **figures}) + "\n")
        return figures

    def measure(self, outputs: Score) -> dict[str, float]:
        """All figures of a function from pairs to (pairs, outputs)."""
        symmetric = both_orders(lambda pairs: outputs(pairs)[:, : len(RELATIONS)])
        texts, relations = dev_arrays()
        figures = relation_figures(symmetric(texts), relations)
        chosen = [figures["macro_f1"]]
        for name, count in AUC_SETS.items():
            if (auc := contradiction_auc(symmetric, name, count)) is not None:
                figures[f"auc_{name.partition('/')[0]}"] = auc
                chosen.append(auc)
        if self.config.relevance:
            found = relevance_figures(self.ranked_by(outputs))
            figures |= found
            chosen += found.values()
        return {**figures, "strangers": strangers(symmetric), "joint": float(np.mean(chosen))}

    def ranked_by(self, outputs: Score) -> Relevance:
        """What the run ranks passages by: the output, and the encoder's cosine with it."""
        scale = self.config.similarity_scale
        if not scale:
            return lambda pairs: outputs(pairs)[:, len(RELATIONS)]
        return with_similarity(partial(sentence_relevance, outputs, RELATIONS), self.encoder, scale)

    @cached_property
    def encoder(self) -> Remembered:
        """The encoder, whose dev vectors are the same at every look."""
        return Remembered(open_encoder(self.config))


if __name__ == "__main__":
    run_stage(
        "training.pair.train",
        "Train the pair discriminator.",
        lambda path: main(read_pair_experiment(path)),
    )

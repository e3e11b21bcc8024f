"""The joint criterion by which a run's checkpoints are chosen: negation, with a general floor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from sentence_transformers.base.evaluation import BaseEvaluator as SentenceEvaluator

from training.evaluation.encoding import Remembered, Reweighted
from training.evaluation.tasks import DEV_TASKS, Task, medquad
from training.run import is_main_process

NEGATION = ("contrast", "exclusion", "same_over_negated", "cannot_auc")
# A point under the floor outweighs any gain on negation that a checkpoint could show for it.
PENALTY = 10.0

# During a run, retrieval is measured on a sample of MedQuAD; the evaluate stage runs all of it.
RUN_TASKS: dict[str, Task] = {
    **DEV_TASKS,
    "medquad_ndcg10": partial(medquad, queries=200, documents=800),
}


def joint_score(
    figures: Mapping[str, float], base: Mapping[str, float], floors: Mapping[str, float]
) -> float:
    """Mean of the negation figures, less a penalty for general figures under the floor.

    Choosing on negation alone ruins retrieval (van den Elsen et al. 2025, arXiv 2502.13506).

    Args:
        figures: The checkpoint's dev figures.
        base: The base encoder's.
        floors: How far above the base's each general figure must lie; -0.01 allows a point under.
    """
    negation = [figures[name] for name in NEGATION if name in figures]
    shortfalls = [
        max(0.0, base[name] + floor - figures[name])
        for name, floor in floors.items()
        if name in figures
    ]
    return sum(negation) / len(negation) - PENALTY * sum(shortfalls)


class JointEvaluator(SentenceEvaluator):
    """Runs the dev tasks on a checkpoint, at the trained weight, beside its own general part.

    Args:
        floors: See `joint_score`.
        bf16: Run in bfloat16.
    """

    def __init__(self, floors: Mapping[str, float], *, bf16: bool) -> None:
        super().__init__()
        self.floors = floors
        self.bf16 = bf16
        self.primary_metric = "joint"
        self.base: dict[str, float] = {}

    def __call__(
        self,
        model: Any,
        output_path: str | None = None,
        epoch: float = -1,
        steps: int = -1,
    ) -> dict[str, float]:
        """Measure, and append the figures to `dev.jsonl` beside the checkpoints."""
        module = model[0]

        def encode(texts: Any) -> Any:
            device = model.device.type
            with torch.autocast(device, dtype=torch.bfloat16, enabled=self.bf16):
                return model.encode(list(texts), batch_size=64, show_progress_bar=False)

        remembered = Remembered(encode)
        if not self.base:
            general = Reweighted(remembered, module.general_dimensions, 0.0)
            self.base = measure(general, {name: RUN_TASKS[name] for name in self.floors})
        figures = measure(
            Reweighted(remembered, module.general_dimensions, module.negation_weight), RUN_TASKS
        )
        figures["joint"] = joint_score(figures, self.base, self.floors)
        if output_path is not None and is_main_process():
            record = {"step": steps, **figures, "base": self.base}
            with (Path(output_path) / "dev.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps(record) + "\n")
        return figures


def measure(encode: Any, tasks: Mapping[str, Task]) -> dict[str, float]:
    """Run the tasks whose data are there."""
    figures = {name: task(encode) for name, task in tasks.items()}
    return {name: figure for name, figure in figures.items() if figure is not None}

"""What the trainers of both models share: schedule, checkpoints, and how the best one is chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import torch
from transformers import TrainerCallback
from transformers.trainer_utils import get_last_checkpoint


class Optimisation(Protocol):
    """The optimiser's settings, wherever a configuration keeps them."""

    @property
    def learning_rate(self) -> float:
        """Peak of the linear schedule."""

    @property
    def warmup_steps(self) -> int:
        """Steps to reach it."""

    @property
    def weight_decay(self) -> float:
        """Of AdamW."""

    @property
    def evaluate_every(self) -> int:
        """Steps between two checkpoints, each measured on the dev rows."""


def trainer_settings(
    optimisation: Optimisation, folder: Path, *, seed: int, criterion: str, bf16: bool
) -> dict[str, Any]:
    """Keyword arguments for either library's training arguments.

    One epoch goes through every drawn row once; the checkpoint with the highest dev figure is kept.

    Args:
        optimisation: The optimiser's settings.
        folder: Where checkpoints go.
        seed: Of everything that is random.
        criterion: Name of the dev figure that chooses.
        bf16: Run in bfloat16.
    """
    return {
        "output_dir": str(folder),
        "num_train_epochs": 1,
        "learning_rate": optimisation.learning_rate,
        "warmup_steps": optimisation.warmup_steps,
        "weight_decay": optimisation.weight_decay,
        "lr_scheduler_type": "linear",
        "seed": seed,
        "data_seed": seed,
        "bf16": bf16,
        "use_cpu": not torch.cuda.is_available(),
        "eval_strategy": "steps",
        "eval_steps": optimisation.evaluate_every,
        "save_strategy": "steps",
        "save_steps": optimisation.evaluate_every,
        "save_total_limit": 2,
        "load_best_model_at_end": True,
        "metric_for_best_model": f"eval_{criterion}",
        "greater_is_better": True,
        "logging_steps": 50,
        "report_to": [],
    }


def finish(trainer: Any, folder: Path) -> dict[str, Any]:
    """Train, on from the last checkpoint where there is one.

    The trainer's model has the weights of the chosen checkpoint then.

    Args:
        trainer: Of either library model.
        folder: The run's, with its checkpoints.

    Returns:
        What `train.json` says: the best joint figure and its step, None if none was measured.

    Raises:
        ValueError: The weights are no numbers any more.
    """
    trainer.add_callback(Divergence(trainer.model, folder))
    trainer.train(resume_from_checkpoint=get_last_checkpoint(str(folder)))
    return {"best_joint": trainer.state.best_metric, "best_step": trainer.state.best_global_step}


class Divergence(TrainerCallback):
    """Ends a run whose weights are no numbers any more, which nothing mends.

    Args:
        model: The one that is trained.
        folder: The run's.
    """

    def __init__(self, model: Any, folder: Path) -> None:
        # Gradients are scaled by the norm of all: where one is no number, no weight stays one.
        *_, self.weights = (each for each in model.parameters() if each.requires_grad)
        self.folder = folder

    def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Look at some of the weights.

        Raises:
            ValueError: They are no numbers.
        """
        if not self.weights.isfinite().all():
            raise ValueError(
                f"{self.folder}: no number is left in the weights after step"
                f" {state.global_step}; a smaller training.learning_rate may keep them"
            )


def measure(model: Any, evaluator: Any, folder: Path) -> dict[str, Any]:
    """Only measure: a run of no steps is the average of those that it starts from.

    Returns:
        What `train.json` says of it.
    """
    figures = evaluator(model, str(folder / "eval"), steps=0)
    return {"best_joint": figures["joint"], "best_step": 0}

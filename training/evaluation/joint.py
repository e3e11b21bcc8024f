"""The evaluator that a run calls at every checkpoint: dev figures at the checkpoint's best dial."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from sentence_transformers.base.evaluation import BaseEvaluator as SentenceEvaluator

from training.evaluation.dial import COARSE, WHOLE, measure_general, turn
from training.evaluation.encoding import Gate, Remembered
from training.run import is_main_process


class JointEvaluator(SentenceEvaluator):
    """Runs the dev tasks on a checkpoint at every weight and reports the best by `joint_score`.

    The weight is chosen again at each checkpoint, since it is free to choose at export: judged at
    one fixed weight, an encoder whose polarity part keeps general quality would seem no better
    than one that needs a small weight to hide what it lost.

    Args:
        floors: See `training.evaluation.dial.joint_score`.
        bf16: Run in bfloat16.
        prepare: Does to a checkpoint, before it is measured, what is done before it is served.
    """

    def __init__(
        self,
        floors: Mapping[str, float],
        *,
        bf16: bool,
        prepare: Callable[[Any], None] | None = None,
    ) -> None:
        super().__init__()
        self.floors = floors
        self.bf16 = bf16
        self.prepare = prepare
        self.primary_metric = "joint"
        self.base: dict[str, float] | None = None

    def keep_base(self, model: Any) -> None:
        """Measure the general part now, while it is still the base: training may change it.

        A decoder is measured whole: its adapter changes nothing yet.
        """
        self.base = measure_general(*self.encoder(model), self.floors)

    def __call__(
        self,
        model: Any,
        output_path: str | None = None,
        epoch: float = -1,
        steps: int = -1,
    ) -> dict[str, float]:
        """Measure, and append the figures to `dev.jsonl` beside the checkpoints."""
        if self.prepare is not None:
            self.prepare(model)
        encode, general_dimensions = self.encoder(model)
        weights = COARSE if general_dimensions else WHOLE
        dial = turn(
            encode, general_dimensions, self.floors, weights, base=self.base, gate=Gate.of(model[0])
        )
        chosen = dial.figures[dial.weight]
        figures = {**chosen, "negation_weight": dial.weight, "joint": dial.scores[dial.weight]}
        if output_path is not None and is_main_process():
            sweep = {str(weight): found for weight, found in dial.figures.items()}
            record = {"step": steps, **figures, "base": dial.base, "sweep": sweep}
            Path(output_path).mkdir(parents=True, exist_ok=True)
            with (Path(output_path) / "dev.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps(record) + "\n")
        return figures

    def encoder(self, model: Any) -> tuple[Remembered, int]:
        """The checkpoint as the tasks call it, and how many numbers its general part has.

        That is none for a model of one vector, which is all polarity part.
        """

        def encode(texts: Any) -> Any:
            with torch.autocast(model.device.type, dtype=torch.bfloat16, enabled=self.bf16):
                return model.encode(list(texts), batch_size=64, show_progress_bar=False)

        instruction = model.prompts.get("query") or ""
        return Remembered(encode, instruction), getattr(model[0], "general_dimensions", 0)

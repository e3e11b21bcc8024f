"""Dev figures of an encoder: `python -m training.evaluate experiment.toml`, or `--model ...`.

Of an experiment, the exported folder is run by the service's backend and the base by
sentence-transformers; a table is printed, and `evaluation.json` and the model card are left in the
folder. With `--model`, any other encoder is measured on the same tasks, into `runs/evaluation/`.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from training import model_card
from training.config import ExperimentConfig, read_experiment
from training.decoder.config import DecoderConfig
from training.evaluation import comparison
from training.evaluation.base_encoder import BaseEncoder
from training.evaluation.dial import measure
from training.evaluation.encoding import Remembered, Reweighted
from training.evaluation.forms import forms
from training.evaluation.target import OPTIONS, named, read_target
from training.evaluation.tasks import DEV_TASKS
from training.run import keep_figures, run_stage
from training.serving import ServedEncoder

SWEEP = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def main(config: ExperimentConfig) -> dict[str, Any]:
    """Measure, print and write the figures."""
    served = ServedEncoder(config.output)
    two_part = served.spec.two_part
    if two_part is None:
        raise ValueError(f"{config.output} is not a two-part encoder")
    encode = Remembered(served)
    at_weight = partial(Reweighted, encode, two_part.general_dimensions)
    figures = {
        "negation_weight": two_part.negation_weight,
        "base": measure(Remembered(BaseEncoder(config.model.base)), DEV_TASKS),
        "litotes": measure(encode, DEV_TASKS),
        "sweep": {f"{weight:.1f}": measure(at_weight(weight), DEV_TASKS) for weight in SWEEP},
        "forms": forms(encode, served.spec),
    }
    print_table(figures)
    if keep_figures(config.output / "evaluation.json", figures):
        model_card.write_encoder(config)
    return figures


def print_table(figures: dict[str, Any]) -> None:
    """Print each dev figure in percent: the base, ours as served, and ours at other weights."""
    columns = {"base": figures["base"], "litotes": figures["litotes"]}
    columns |= {f"w={weight}": values for weight, values in figures["sweep"].items()}
    comparison.print_columns(columns)
    print(f"Served at negation_weight {figures['negation_weight']}.")
    if found := figures["forms"]:
        print("The ten nearest by floats that are among the ten nearest by int8, and rank of bits:")
        for weight, kept in found["int8"].items():
            own, shared = kept["own_ranges"], kept["shared_range"]
            print(f"  {weight}: {100 * shared:.1f} % ({100 * own:.1f} % with a range a dimension)")
        print(f"  bits: {found['bits']:.2f}")


def stage(experiment: Path | None, *, model: str | None, against: str | None) -> None:
    """Measure the encoder of an experiment, or one that is named.

    Raises:
        ValueError: Neither is named, or both are.
    """
    match named(experiment, model, against):
        case Path() as path:
            of_experiment(read_experiment(path))
        case target, other:
            comparison.main(target, other)


def of_experiment(config: ExperimentConfig) -> None:
    """Measure the model that an experiment writes."""
    if isinstance(config.model, DecoderConfig):
        # One vector has no weight to turn: it is measured as any other encoder is.
        comparison.main(read_target(str(config.output)))
    else:
        main(config)


if __name__ == "__main__":
    run_stage(
        "training.evaluate",
        "Print an encoder's dev figures beside the base encoder's.",
        stage,
        options=OPTIONS,
        example="--model openai:http://127.0.0.1:8080/v1 --against sentence-transformers/LaBSE",
        optional=True,
    )

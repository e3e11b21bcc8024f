"""Dev figures of the exported encoder: `python -m training.evaluate experiment.toml`.

Runs the model folder through the service's backend and the base through sentence-transformers,
prints a table and leaves `evaluation.json` and the model card in the folder.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from training import model_card
from training.config import ExperimentConfig, read_experiment
from training.evaluation.base_encoder import BaseEncoder
from training.evaluation.dial import measure
from training.evaluation.encoding import Remembered, Reweighted
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
    }
    print_table(figures)
    if keep_figures(config.output / "evaluation.json", figures):
        model_card.write_encoder(config)
    return figures


def print_table(figures: dict[str, Any]) -> None:
    """Print each dev figure in percent: the base, ours as served, and ours at other weights."""
    columns = {"base": figures["base"], "litotes": figures["litotes"]}
    columns |= {f"w={weight}": values for weight, values in figures["sweep"].items()}
    print(f"{'dev, in percent':<22}" + "".join(f"{name:>9}" for name in columns))
    for task in figures["base"]:
        values = (f"{100 * column[task]:>9.1f}" for column in columns.values())
        print(f"{task:<22}" + "".join(values))
    print(f"Served at negation_weight {figures['negation_weight']}.")


if __name__ == "__main__":
    run_stage(
        "training.evaluate",
        "Print the encoder's dev figures beside the base encoder's.",
        lambda path: main(read_experiment(path)),
    )

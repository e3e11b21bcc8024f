"""Dev figures of the exported discriminator: `python -m training.pair.evaluate experiment.toml`.

Runs the model folder through the service's backend, beside what thresholds on a cosine can tell,
prints a table and leaves `evaluation.json` and the model card in the folder.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from training import model_card
from training.evaluation.base_encoder import BaseEncoder
from training.evaluation.encoding import Encode, Remembered, Vectors
from training.pair import evaluation
from training.pair.config import PairConfig, read_pair_experiment
from training.pair.relations import RELATIONS
from training.pair.scaling import Logits
from training.run import keep_figures, run_stage
from training.serving import ServedDiscriminator, ServedEncoder

# Public dev sets on which the contradiction score alone is judged.
# CAD-NLI's is not among them: a fifth of its pairs are SNLI dev pairs, which are trained on.
AUC_SETS = ("cannot/dev", "mnli_sample/dev", "nli_new_protocols/dev", "conjnli/dev")
ENCODER = Path("models/litotes-small")


def main(config: PairConfig) -> dict[str, Any]:
    """Measure, print and write the figures."""
    texts, relations = evaluation.dev_arrays("report")
    one_order = ServedDiscriminator(config.output)
    score = evaluation.both_orders(one_order)
    logits = score(texts)
    figures: dict[str, Any] = {
        "pairs": len(texts),
        "discriminator": evaluation.relation_figures(logits, relations),
        "one_order_only": evaluation.relation_figures(one_order(texts), relations),
        "expected_calibration_error": evaluation.expected_calibration_error(logits, relations),
        "answered": answered(logits, relations, one_order.spec.abstention_threshold),
    }
    for name, encode in encoders(config).items():
        figures[f"cosine_{name}"] = cosine_figures(encode)
    aucs = {name: evaluation.contradiction_auc(score, name) for name in AUC_SETS}
    figures["contradiction_auc"] = {name: auc for name, auc in aucs.items() if auc is not None}
    print_table(figures)
    if keep_figures(config.output / "evaluation.json", figures):
        model_card.write_pair(config)
    return figures


def answered(logits: Logits, relations: NDArray[np.int64], threshold: float) -> dict[str, float]:
    """How many pairs get an answer at the abstention threshold, and how many of these rightly."""
    probabilities = softmax(logits, axis=1)
    sure = probabilities.max(axis=1) >= threshold
    right = probabilities.argmax(axis=1) == relations
    return {"coverage": float(sure.mean()), "precision": float(right[sure].mean())}


def encoders(config: PairConfig) -> dict[str, Encode]:
    """The encoders whose cosine is the baseline: the base, and ours where it is there."""
    found: dict[str, Encode] = {"base": Remembered(BaseEncoder(config.base))}
    if (ENCODER / "model.onnx").exists():
        found["litotes"] = Remembered(ServedEncoder(ENCODER))
    return found


def cosine_figures(encode: Encode) -> dict[str, float]:
    """Figures of thresholds on a cosine, chosen on the calibration half of the dev groups."""
    halves = [evaluation.dev_arrays(part) for part in ("calibration", "report")]
    calibration, report = ((cosines(encode, texts), relations) for texts, relations in halves)
    return evaluation.cosine_baseline(calibration, report)


def cosines(encode: Encode, pairs: Sequence[tuple[str, str]]) -> Vectors:
    """Cosine of the two texts of each pair."""
    first, second = encode([a for a, _ in pairs]), encode([b for _, b in pairs])
    return np.einsum("nd,nd->n", first, second)


def print_table(figures: dict[str, Any]) -> None:
    """Print macro-F1 and the F1 of each relation, ours and the baselines'."""
    columns = ("macro_f1", *(f"f1_{name}" for name in RELATIONS))
    print("".join([f"{'dev, F1 in percent':<22}", *(f"{name[3:]:>15}" for name in columns)]))
    for row in ("discriminator", "one_order_only", "cosine_litotes", "cosine_base"):
        if row in figures:
            values = (f"{100 * figures[row][name]:>15.1f}" for name in columns)
            print("".join([f"{row:<22}", *values]))
    for name, auc in figures["contradiction_auc"].items():
        print(f"contradiction AUC, {name}: {auc:.3f}")


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    run_stage(
        "training.pair.evaluate",
        "Print the discriminator's dev figures beside the baselines'.",
        lambda path: main(read_pair_experiment(path)),
    )

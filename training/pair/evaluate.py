"""Dev figures of the exported discriminator: `python -m training.pair.evaluate experiment.toml`.

Runs the model folder through the service's backend, beside what thresholds on a cosine and counts
of cues can tell; prints tables and leaves `evaluation.json`, the reliability diagram and the model
card in the folder.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from training import model_card
from training.evaluation.base_encoder import BaseEncoder
from training.evaluation.encoding import Encode, Remembered
from training.evaluation.tasks import DEV_TASKS
from training.pair import evaluation, reliability, reranking
from training.pair.config import PairConfig, read_pair_experiment
from training.pair.cue_rule import cue_features
from training.pair.evaluation import Score
from training.pair.relations import RELATIONS
from training.pair.scaling import Logits, Scaling
from training.pair.similarity import cosines
from training.run import keep_figures, run_stage
from training.serving import ServedDiscriminator, ServedEncoder

# Public dev sets on which the contradiction score alone is judged.
# CAD-NLI's is not among them: a fifth of its pairs are SNLI dev pairs, which are trained on.
AUC_SETS = ("cannot/dev", "mnli_sample/dev", "nli_new_protocols/dev", "conjnli/dev")
# Those that have no contradictions, on which the equivalence score is.
ENTAILMENT_SETS = ("scone/dev", "megaveridicality/dev")
ENCODER = Path("models/litotes-small")
ORDERS = ("contrast", "contrast_wide", "contrast_edited", "exclusion")
# Leaves of the rule on cue counts: more than that fit its calibration rows alone.
CUE_LEAVES = 24


def main(config: PairConfig) -> dict[str, Any]:
    """Measure, print and write the figures."""
    served = ServedDiscriminator(config.output)
    encode = encoders(config)
    score = evaluation.both_orders(served)
    texts, relations = evaluation.dev_arrays("report")
    logits = score(texts)
    others = baselines(encode)
    before = calibration(config).undo(logits)
    figures: dict[str, Any] = {
        "pairs": len(texts),
        "discriminator": evaluation.relation_figures(logits, relations),
        "one_order_only": evaluation.relation_figures(served(texts), relations),
        "expected_calibration_error": evaluation.expected_calibration_error(logits, relations),
        "expected_calibration_error_before": evaluation.expected_calibration_error(
            before, relations
        ),
        "answered": answered(logits, relations, served.spec.abstention_threshold),
        **{
            name: evaluation.relation_figures(other(texts), relations)
            for name, other in others.items()
        },
        **public_figures({"discriminator": score, **others, **cosine_judges(encode)}),
        "strangers": {
            name: evaluation.strangers(judge)
            for name, judge in {"discriminator": score, **others}.items()
        },
    }
    if served.ranks:
        figures |= ranking_figures(served, encode)
    print_tables(figures)
    if keep_figures(config.output / "evaluation.json", figures):
        curves = {"before calibration": before, "after calibration": logits}
        reliability.draw(curves, relations, config.output / reliability.DIAGRAM)
        model_card.write_pair(config)
    return figures


def calibration(config: PairConfig) -> Scaling:
    """The scaling that the export folded into the weights."""
    found = model_card.read(config.output / "calibration.json")
    return Scaling(found["temperature"], tuple(found["biases"][name] for name in RELATIONS))


def answered(logits: Logits, relations: NDArray[np.int64], threshold: float) -> dict[str, float]:
    """How many pairs get an answer at the abstention threshold, and how many of these rightly."""
    probabilities = softmax(logits, axis=1)
    sure = probabilities.max(axis=1) >= threshold
    right = probabilities.argmax(axis=1) == relations
    return {"coverage": float(sure.mean()), "precision": float(right[sure].mean())}


def encoders(config: PairConfig) -> dict[str, Encode]:
    """The encoders whose cosine is a baseline: ours where it is there, and the base."""
    found: dict[str, Encode] = {}
    if (ENCODER / "model.onnx").exists():
        found["litotes"] = Remembered(ServedEncoder(ENCODER))
    return {**found, "base": Remembered(BaseEncoder(config.base))}


def baselines(encode: Mapping[str, Encode]) -> dict[str, Score]:
    """Judges that know a cosine or counts of cues alone, grown on the calibration half of dev."""
    rows = evaluation.dev_arrays("calibration")

    def cuts(encoder: Encode) -> Score:
        return evaluation.grow_tree(
            lambda pairs: cosines(encoder, pairs)[:, None], rows, leaves=len(RELATIONS)
        )

    by_cosine = {f"cosine_{name}": cuts(encoder) for name, encoder in encode.items()}
    return {**by_cosine, "cue_rule": evaluation.grow_tree(cue_features, rows, leaves=CUE_LEAVES)}


def cosine_judges(encode: Mapping[str, Encode]) -> dict[str, Score]:
    """Judges by the cosine itself, for an AUC: the nearer, the more equivalent.

    The cuts of `baselines` are few and for the relations of the distilled groups; a ranking of
    pairs would gain nothing from them.
    """

    def judge(encoder: Encode) -> Score:
        def score(pairs: Sequence[tuple[str, str]]) -> Logits:
            cosine = cosines(encoder, pairs)
            logits = np.zeros((len(pairs), len(RELATIONS)), dtype=np.float32)
            logits[:, RELATIONS.index("equivalence")] = cosine
            logits[:, RELATIONS.index("contradiction")] = -cosine
            return logits

        return score

    return {f"cosine_{name}": judge(encoder) for name, encoder in encode.items()}


def public_figures(judges: Mapping[str, Score]) -> dict[str, Any]:
    """AUC of every judge on every public set that is there; the first judge is ours."""
    found: dict[str, Any] = {}
    measures = (
        ("contradiction_auc", AUC_SETS, evaluation.contradiction_auc),
        ("entailment_auc", ENTAILMENT_SETS, evaluation.entailment_auc),
    )
    for measure, sets, auc in measures:
        ours, *others = (
            {name: value for name in sets if (value := auc(judge, name)) is not None}
            for judge in judges.values()
        )
        found[measure] = ours
        found[f"{measure}_baselines"] = dict(zip(list(judges)[1:], others, strict=True))
    return found


def ranking_figures(served: ServedDiscriminator, encode: Mapping[str, Encode]) -> dict[str, Any]:
    """Order by relevance beside the encoders' own, and what reranking does to a search."""
    own = {f"cosine_{name}": orders_by_cosine(encoder) for name, encoder in encode.items()}
    ours = next(iter(encode.values()))
    scale = served.spec.similarity_scale
    together = evaluation.with_similarity(served.relevance, ours, scale)
    orders = {"discriminator": evaluation.relevance_figures(together), **own}
    if scale:
        orders["relevance_alone"] = evaluation.relevance_figures(served.relevance)
    return {
        "relevance": orders,
        "reranking": reranking.figures(ours, served.relevance, scale),
    }


def orders_by_cosine(encode: Encode) -> dict[str, float]:
    """The figures of `evaluation.relevance_figures` by an encoder's cosine alone."""
    found = {name: DEV_TASKS[name](encode) for name in ORDERS}
    return {name: figure for name, figure in found.items() if figure is not None}


def print_tables(figures: dict[str, Any]) -> None:
    """Print the figures of every judge."""
    rows = ("discriminator", "one_order_only", "cosine_litotes", "cosine_base", "cue_rule")
    print_table("dev, F1 in percent", {row: figures[row] for row in rows if row in figures})
    for measure in ("contradiction_auc", "entailment_auc"):
        table = {"discriminator": figures[measure], **figures[f"{measure}_baselines"]}
        print_table(f"{measure}, percent", table)
    called = {name: {"called": share} for name, share in figures["strangers"].items()}
    print_table("strangers, percent", called)
    if "relevance" in figures:
        print_table("order, percent", figures["relevance"])
        table = figures["reranking"]["ndcg10"]
        print_table("reranked, nDCG@10", {name: without(row) for name, row in table.items()})
        print(f"Scale of the cosine: {figures['reranking']['scale']} as served,", end=" ")
        print(f"{figures['reranking']['best_scale']} would be best on the other half.")


def without(row: Mapping[str, float]) -> dict[str, float]:
    """The figures of a search without the number of its queries."""
    return {name: value for name, value in row.items() if name != "queries"}


def print_table(title: str, table: Mapping[str, Mapping[str, float]]) -> None:
    """Print rows of figures in percent."""
    columns = list(next(iter(table.values())))
    heads = (name.removeprefix("f1_").partition("/")[0][:16] for name in columns)
    print("".join([f"{title:<28}", *(f"{name:>18}" for name in heads)]))
    for name, row in table.items():
        print("".join([f"{name:<28}", *(f"{100 * row[column]:>18.1f}" for column in columns)]))


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    run_stage(
        "training.pair.evaluate",
        "Print the discriminator's dev figures beside the baselines'.",
        lambda path: main(read_pair_experiment(path)),
        example="training/experiments/pair.toml",
    )

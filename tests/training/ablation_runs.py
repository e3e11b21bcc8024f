"""An ablation file beside its base experiment, and folders of runs as the trainer leaves them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from training.ablation.plan import Run
from training.run import write_json, written

BASE = """
name = "small"
seed = 7
output = "models/small"

[model]
base = "{base}"
shared_layers = 1
polarity_dimensions = 16
negation_weight = 0.5
max_seq_length = 24

[training]
steps = 2
learning_rate = 0.01
warmup_steps = 1
weight_decay = 0.01
temperature = 0.05
margin_scale = 0.02
distillation = 1.0
evaluate_every = 1

[training.floors]
stsb_spearman = -0.05

[kinds]
groups = {{ share = 1.0, rows = 2 }}
"""
ABLATION = """
base = "small.toml"
name = "shapes"
title = "What shape does"
about = "Small runs."
seeds = [1, 2]

[screen.training]
evaluate_every = 2

[arms.base]
change = "nothing"

[arms.soft]
change = "a softer | softmax"
set = { training = { temperature = 0.1 } }
verdict = "kept"
"""
PAIR_BASE = """
name = "small"
seed = 7
runs = "runs"
output = "models/small"
base = "{base}"
max_length = 24
steps = 2
rows = 4
learning_rate = 0.001
warmup_steps = 1
weight_decay = 0.01
evaluate_every = 1
precision = 0.3

[shares]
groups = 1.0

[relevance]
twins = {{ share = 0.5, rows = 2 }}
"""
PAIR_ABLATION = """
stage = "pair"
base = "small.toml"
name = "pairs"
title = "What the head reads"
seeds = [1]

[screen]
evaluate_every = 2

[arms.base]
change = "nothing"

[arms.dice]
change = "Dice"
set = { objective = "dice", relevance = { twins = { share = 0.0 } } }
"""
PAIR_FIGURES = {
    "macro_f1": 0.7,
    "f1_equivalence": 0.8,
    "f1_contradiction": 0.6,
    "f1_hedge": 0.75,
    "f1_neutral": 0.65,
    "auc_cannot": 0.9,
    "auc_mnli_sample": 0.85,
    "strangers": 0.02,
}
FIGURES = {
    "contrast": 0.5,
    "exclusion": 0.6,
    "exclusion_ndcg10": 0.7,
    "same_over_negated": 0.8,
    "cannot_auc": 0.9,
    "stsb_spearman": 0.86,
    "medquad_ndcg10": 0.91,
    "perspectives_ndcg10": 0.7,
}
GENERAL = {"stsb_spearman": 0.85, "medquad_ndcg10": 0.93, "perspectives_ndcg10": 0.72}


def write_ablation(
    folder: Path,
    text: str = ABLATION,
    base: str = "unused",
    name: str = "shapes",
    experiment: str = BASE,
) -> Path:
    """Write an ablation file and its base experiment."""
    (folder / "small.toml").write_text(experiment.format(base=base))
    path = folder / f"{name}.toml"
    path.write_text(text)
    return path


def record(joint: float, weight: float, **figures: float) -> dict[str, Any]:
    """A line of `dev.jsonl`: at weight 0.7 a point more negation and less general quality."""
    step = int(figures.pop("step", 2))
    chosen = FIGURES | figures
    further = {
        name: figure + (-0.01 if name in GENERAL else 0.01) for name, figure in chosen.items()
    }
    summary = {"step": step, **chosen, "negation_weight": weight, "joint": joint}
    return {**summary, "base": GENERAL, "sweep": {"0.3": chosen, "0.7": further}}


def end_run(run: Run, *records: dict[str, Any], minutes: float = 7.0) -> None:
    """Leave what a run leaves that has ended; the last record is the chosen one."""
    folder = run.config.folder
    (folder / "eval").mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(written(run.config))
    (folder / "eval/dev.jsonl").write_text("".join(json.dumps(line) + "\n" for line in records))
    chosen = records[-1]
    write_json(folder / "train.json", {"best_joint": chosen["joint"], "best_step": chosen["step"]})
    os.utime(folder / "config.json", (1_000_000, 1_000_000))
    os.utime(folder / "train.json", (1_000_000 + 60 * minutes, 1_000_000 + 60 * minutes))

"""A tiny decoder and a small corpus for it, of our own sentences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import corpora

from training.config import ExperimentConfig, Kind, TrainingConfig
from training.decoder import tiny
from training.decoder.config import DecoderConfig

INSTRUCTION = "Find what meets the query: "
TEXTS = [
    "The pump leaks.",
    "The pump never leaks, and no valve was open at night.",
    "the boat is late and the train is not " * 9,
    "Only a few of the trains may be late.",
]
GROUPS = 24


def contrast(number: int) -> dict[str, Any]:
    """Two passages alike but for one clause; long enough that some texts have to be cut."""
    name = corpora.thing(number)
    start = f"The {name} was built by the harbour. Many people came to look at it in the spring."
    end = f"Nobody has painted the {name} since then, and it is said to be quite small."
    return {
        "query_a": f"a {name} that is open at night",
        "query_b": f"a {name} that is shut at night",
        "doc_a": f"{start} It is open at night. {end}",
        "doc_b": f"{start} It is shut at night. {end}",
    }


def write_corpus(folder: Path) -> Path:
    """The files that a run and an export read."""
    files: dict[str, list[dict[str, Any]]] = {}
    for split, first in (("train", 0), ("dev", 100)):
        numbers = range(first, first + GROUPS)
        files[f"sentence_{split}"] = [
            group | {"hedged": group["hedged"] * 2} for group in map(corpora.sentence, numbers)
        ]
        files[f"exclusion_{split}"] = [corpora.exclusion(number) for number in numbers]
        files[f"retrieval_{split}"] = [contrast(number) for number in numbers]
    files["searches_dev"] = files["exclusion_dev"]
    files["wide_dev"] = files["retrieval_dev"]
    files["edited_queries_dev"] = [{"id": "none", "query_a": "wet", "query_b": "dry"}]
    return corpora.write(folder, **files)


def write_decoder(folder: Path) -> Path:
    """A decoder whose tokenizer knows the sentences of the tests."""
    passages = [contrast(number)["doc_a"] for number in range(GROUPS)]
    tiny.write(folder, [*TEXTS, INSTRUCTION, *passages])
    return folder


def experiment(base: Path, folder: Path, **changes: object) -> ExperimentConfig:
    """An experiment of a few dozen steps."""
    kinds = {"groups": 4, "contrasts": 4, "exclusions": 4, "polarity": 6}
    settings: dict[str, Any] = {
        "max_seq_length": 48,
        "query_instruction": INSTRUCTION,
        "lora_rank": 4,
        "lora_alpha": 8,
    }
    return ExperimentConfig(
        name="tiny-decoder",
        seed=3,
        runs=folder / "runs",
        output=folder / "model",
        model=DecoderConfig(base=str(base), **{**settings, **changes}),
        training=TrainingConfig(
            steps=32,
            learning_rate=0.01,
            warmup_steps=2,
            weight_decay=0.01,
            temperature=0.05,
            margin_scale=0.02,
            distillation=1.0,
            evaluate_every=16,
            floors={"stsb_spearman": -1.0},
            kinds={name: Kind(share=1 / len(kinds), rows=rows) for name, rows in kinds.items()},
        ),
    )

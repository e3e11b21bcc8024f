"""Ask a language model for training rows: `python -m training.distil experiment.toml`.

Leaves `replies.jsonl` (all that was paid for), `rows/<kind>.jsonl`, `rejected.jsonl` with reasons
and `distil.json` with figures in the run's folder. A run that was stopped goes on where it was.
"""

from __future__ import annotations

from pathlib import Path

from training.distil.config import read_distillation
from training.distil.factory import main
from training.run import run_stage


def stage(path: Path) -> None:
    """Run a distillation and print what came of it."""
    config = read_distillation(path)
    figures = main(config)
    for kind, result in figures["kinds"].items():
        rejected = sum(result["rejected"].values())
        print(f"{kind:<12}{result['rows']:>7} rows {rejected:>7} rejected")
    print(f"In {config.folder}; {figures['total']['usd']:.2f} US dollars in all.")


if __name__ == "__main__":
    run_stage(
        "training.distil",
        "Ask a language model for training rows.",
        stage,
        example="training/experiments/distil.toml",
    )

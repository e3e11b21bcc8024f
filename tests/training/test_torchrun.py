"""Training in two processes, as `torchrun --nproc_per_node 2` starts them, on a CPU with gloo."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from decoders import experiment as decoder_experiment
from decoders import write_corpus, write_decoder
from safetensors.torch import load_file

from training.config import ExperimentConfig, Kind

STEPS = 4
WORKER = Path(__file__).parent / "two_processes.py"
ROOT = Path(__file__).parents[2]


def short(config: ExperimentConfig, folder: Path) -> ExperimentConfig:
    """A run of a few steps, measured in the middle and at the end."""
    kinds = {name: Kind(share=0.5, rows=2) for name in ("groups", "contrasts")}
    training = replace(config.training, steps=STEPS, evaluate_every=STEPS // 2, kinds=kinds)
    return replace(config, runs=folder, training=training)


@pytest.fixture(scope="module")
def runs(
    experiment: ExperimentConfig, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, ExperimentConfig]:
    """A two-part encoder and a decoder, each trained by two processes."""
    folder = tmp_path_factory.mktemp("torchrun")
    base = write_decoder(folder / "base")
    configs = {
        "encoder": short(experiment, folder / "runs"),
        "decoder": short(decoder_experiment(base, folder), folder / "runs"),
    }
    for name, config in configs.items():
        (folder / name).write_bytes(pickle.dumps(config))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    data = write_corpus(folder / "corpus")
    done = subprocess.run(
        [*torchrun, "--nproc_per_node", "2", WORKER, data, *(folder / name for name in configs)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return configs


@pytest.mark.parametrize("name", ["encoder", "decoder"])
def test_two_processes_leave_one_run(runs: dict[str, ExperimentConfig], name: str) -> None:
    folder = runs[name].folder
    lines = (folder / "eval/dev.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [STEPS // 2, STEPS]
    state = json.loads((folder / f"checkpoint-{STEPS}/trainer_state.json").read_text())
    assert state["global_step"] == STEPS
    best = json.loads((folder / "train.json").read_text())["best_step"]
    (chosen,) = (folder / "best").glob("*.safetensors")
    left, right = load_file(chosen), load_file(folder / f"checkpoint-{best}" / chosen.name)
    assert left.keys() == right.keys()
    assert all(left[key].equal(right[key]) for key in left)

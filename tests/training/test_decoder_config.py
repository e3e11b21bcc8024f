"""The table `decoder` of an experiment, and arms of an ablation that change it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from training import train
from training.ablation.plan import read_ablation
from training.config import build_experiment
from training.decoder.config import DecoderConfig

TABLE = {
    "name": "d",
    "seed": 1,
    "output": "model",
    "decoder": {"base": "some/decoder", "max_seq_length": 64},
    "training": {
        "steps": 1,
        "learning_rate": 0.1,
        "warmup_steps": 0,
        "weight_decay": 0.0,
        "temperature": 0.1,
        "margin_scale": 0.1,
        "distillation": 1.0,
        "evaluate_every": 1,
    },
}


def test_the_table_decoder_takes_the_place_of_the_table_model() -> None:
    read = build_experiment(TABLE | {"training": {**TABLE["training"], "floors": {}}}, "x.toml")
    assert read.model == DecoderConfig(base="some/decoder", max_seq_length=64)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            {"decoder": {"base": "d", "max_seq_length": 9, "pooling": "max"}},
            "pooling: unknown.*max",
        ),
        ({"decoder": {"base": "d"}}, "x.toml: decoder: .*max_seq_length"),
        ({"decoder": {"base": "d", "max_seq_length": 9, "rank": 4}}, "decoder: unknown.*rank"),
        ({"model": {}}, "model and decoder are two shapes of the encoder"),
    ],
)
def test_a_wrong_decoder_table_is_refused(table: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_experiment(TABLE | table, "x.toml")


def test_an_arm_of_an_ablation_changes_one_key_of_the_decoder(tmp_path: Path) -> None:
    base = Path(train.__file__).parent / "experiments/decoder.toml"
    path = tmp_path / "ranks.toml"
    path.write_text(
        f'base = "{base}"\nname = "ranks"\nseeds = [1]\n[arms.base]\nchange = "nothing"\n'
        '[arms.rank-8]\nchange = "smaller"\nset = { decoder = { lora_rank = 8 } }\n'
    )
    first, second = (run.config.model for run in read_ablation(path).runs(str(path)))
    assert isinstance(first, DecoderConfig)
    assert second == replace(first, lora_rank=8)

"""Experiment files: what is missing or unknown is named, and the bundled ones hold together."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from training.config import Kind, ModelConfig, build_experiment, read_experiment
from training.pair.config import read_pair_experiment
from training.pair.rows import SOURCES
from training.rows import KINDS

EXPERIMENTS = Path(__file__).parents[2] / "training/experiments"
ENCODER = EXPERIMENTS / "encoder-a.toml"
PAIR = EXPERIMENTS / "pair.toml"

Read = Callable[[Path], Any]


def leave_out(experiment: Path, key: str, target: Path) -> Path:
    """The experiment without the lines that set a key."""
    lines = experiment.read_text().splitlines()
    kept = [line for line in lines if line.partition("=")[0].strip() != key]
    assert len(kept) == len(lines) - 1
    target.write_text("\n".join(kept))
    return target


def add(experiment: Path, where: str, line: str, target: Path) -> Path:
    """The experiment with a line put after another."""
    text = experiment.read_text()
    assert text.count(where) == 1
    target.write_text(text.replace(where, f"{where}\n{line}\n"))
    return target


def test_the_bundled_encoder_experiment_is_complete() -> None:
    config, table = read_experiment(ENCODER), tomllib.loads(ENCODER.read_text())
    assert config.output == Path("models/litotes-small")
    assert config.folder == Path("runs/encoder-a")
    assert config.training.kinds["groups"] == Kind(**table["kinds"]["groups"])
    assert config.model == ModelConfig(**table["model"])
    assert set(config.training.kinds) <= set(KINDS)
    shares = [kind.share for kind in config.training.kinds.values()]
    assert sum(shares) == pytest.approx(1, abs=0.05)


def test_the_bundled_pair_experiment_is_complete() -> None:
    config = read_pair_experiment(PAIR)
    assert config.output == Path("models/litotes-small-pair")
    assert config.folder == Path("runs/pair")
    assert set(config.shares) <= set(SOURCES)
    assert sum(config.shares.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("read", "experiment", "key"),
    [
        (read_experiment, ENCODER, "name"),
        (read_experiment, ENCODER, "output"),
        (read_experiment, ENCODER, "negation_weight"),
        (read_experiment, ENCODER, "learning_rate"),
        (read_pair_experiment, PAIR, "output"),
        (read_pair_experiment, PAIR, "precision"),
    ],
)
def test_a_missing_key_is_named(read: Read, experiment: Path, key: str, tmp_path: Path) -> None:
    path = leave_out(experiment, key, tmp_path / "broken.toml")
    with pytest.raises(ValueError, match=rf"broken\.toml.*'{key}'"):
        read(path)


@pytest.mark.parametrize(
    ("where", "line", "message"),
    [
        ("seed = 7", "sed = 8", r"broken\.toml: unknown .*sed"),
        ("[model]", "layers = 6", r"model: unknown .*layers"),
        ("[training]", "epochs = 1", r"training: unknown .*epochs"),
        ("[kinds]", "extra = { share = 0.1, row = 2 }", r"kinds\.extra: unknown .*row"),
        ("[kinds]", "extra = { share = 0.1 }", r"kinds\.extra.*'rows'"),
    ],
)
def test_a_wrong_key_is_named_with_its_table(
    where: str, line: str, message: str, tmp_path: Path
) -> None:
    path = add(ENCODER, where, line, tmp_path / "broken.toml")
    with pytest.raises(ValueError, match=message):
        read_experiment(path)


@pytest.mark.parametrize(
    ("where", "line", "named"),
    [
        ("[training]", 'guidance = "far"', "training: guidance"),
        ("[model]", "exclusion_turn = true", "model: exclusion_turn"),
        ("[model]", "exclusion_weight = true", "model: exclusion_weight"),
        ("[training.floors]", 'medquad = "low"', "training: floors: medquad"),
    ],
)
def test_a_value_of_another_type_is_named_with_its_table(
    where: str, line: str, named: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=f"{named}: Input should be a valid number"):
        read_experiment(add(ENCODER, where, line, tmp_path / "wrong.toml"))


def test_an_unknown_key_of_a_pair_experiment_is_named(tmp_path: Path) -> None:
    path = add(PAIR, "seed = 7", "epochs = 1", tmp_path / "broken.toml")
    with pytest.raises(ValueError, match=r"broken\.toml: unknown .*epochs"):
        read_pair_experiment(path)


@pytest.mark.parametrize(
    ("read", "experiment", "after"),
    [(read_experiment, ENCODER, "[model]"), (read_pair_experiment, PAIR, "seed = 7")],
)
def test_checkpoints_to_start_from_are_a_list(
    read: Read, experiment: Path, after: str, tmp_path: Path
) -> None:
    path = add(experiment, after, 'start = ["runs/a/best"]', tmp_path / "listed.toml")
    config = read(path)
    assert getattr(config, "model", config).start == ["runs/a/best"]
    path = add(experiment, after, 'start = "runs/a/best"', tmp_path / "broken.toml")
    with pytest.raises(ValueError, match=r"broken\.toml.*: start is not a list of folders"):
        read(path)


@pytest.mark.parametrize("name", ["polish", "both", "rank", "fused", "settle"])
def test_every_pair_experiment_goes_on_from_another(name: str) -> None:
    config = read_pair_experiment(EXPERIMENTS / f"pair-{name}.toml")
    (start,) = config.start
    before = EXPERIMENTS / f"{Path(start).parent.name}.toml"
    assert str(read_pair_experiment(before).folder / "best") == start


def test_a_pair_experiment_plans_the_steps_that_its_shares_make(tmp_path: Path) -> None:
    config = read_pair_experiment(EXPERIMENTS / "pair-fused.toml")
    assert config.planned_steps == config.steps
    # A pair less than forty by rounding is a step less.
    assert replace(config, steps=401).planned_steps == 401
    assert replace(config, steps=400).planned_steps == 399
    half = tmp_path / "half.toml"
    half.write_text(PAIR.read_text().replace("groups = 0.34", "groups = 0.09"))
    config = read_pair_experiment(half)
    assert config.planned_steps == round(0.75 * config.steps)


@pytest.mark.parametrize("read", [read_experiment, read_pair_experiment])
def test_a_file_that_is_not_toml_is_refused(read: Read, tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text("name = ")
    with pytest.raises(ValueError, match=r"broken\.toml: Invalid value"):
        read(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"training": [{}]}, "here: training is not a table"),
        ({"model": 3}, "here: model is not a table"),
        ({"kinds": {"groups": 0.1}}, "here: kinds: groups is not a table"),
    ],
)
def test_what_is_to_be_a_table_is_named_where_it_is_none(
    changes: dict[str, Any], message: str
) -> None:
    table = tomllib.loads(ENCODER.read_text())
    with pytest.raises(ValueError, match=message):
        build_experiment(table | changes, "here")


def test_an_experiment_is_built_from_its_table_as_from_its_file() -> None:
    table = tomllib.loads(ENCODER.read_text())
    assert build_experiment(table, "here") == read_experiment(ENCODER)
    # Another table can be made of it: nothing was taken out.
    assert table == tomllib.loads(ENCODER.read_text())

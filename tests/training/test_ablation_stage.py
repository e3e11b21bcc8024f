"""What an ablation knows of each stage: its figures are those that the stage's runs write."""

from __future__ import annotations

from pathlib import Path

import pytest
from ablation_runs import PAIR_ABLATION, PAIR_BASE, write_ablation

from training.ablation.plan import Run, read_ablation
from training.ablation.stage import STAGES
from training.evaluation.tasks import DEV_TASKS
from training.pair.config import PairConfig
from training.pair.relations import RELATIONS
from training.pair.train import AUC_SETS


def runs_of(folder: Path, text: str = PAIR_ABLATION) -> list[Run]:
    path = write_ablation(folder, text, name="pairs", experiment=PAIR_BASE)
    return read_ablation(path).runs(str(path))


def test_the_figures_of_an_encoder_are_those_of_the_dev_tasks() -> None:
    assert set(STAGES["encoder"].percent.values()) <= set(DEV_TASKS)


def test_the_figures_of_a_pair_model_are_those_of_its_evaluator() -> None:
    relations = {f"f1_{name}" for name in RELATIONS}
    public = {f"auc_{name.partition('/')[0]}" for name in AUC_SETS}
    others = {"macro_f1", "contrast", "exclusion", "strangers"}
    assert set(STAGES["pair"].percent.values()) == relations | public | others


def test_the_arms_of_a_pair_ablation_are_pair_experiments(tmp_path: Path) -> None:
    base, dice = (run.config for run in runs_of(tmp_path))
    assert isinstance(base, PairConfig)
    assert isinstance(dice, PairConfig)
    assert [config.objective for config in (base, dice)] == ["likelihood", "dice"]
    assert [config.evaluate_every for config in (base, dice)] == [2, 2]
    assert [str(config.folder) for config in (base, dice)] == [
        "runs/pairs/base-1",
        "runs/pairs/dice-1",
    ]


def test_an_arm_takes_rankings_out_with_a_share_of_none(tmp_path: Path) -> None:
    base, dice = (run.config for run in runs_of(tmp_path))
    assert list(base.relevance) == ["twins"]
    assert base.pair_steps == 1
    assert dice.relevance == {}
    assert dice.pair_steps == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('stage = "pair"', 'stage = "pairs"', r"pairs\.toml: stage: unknown name\(s\) pairs"),
        ('stage = "pair"', "", r"small\.toml: model: .*'base'"),
        ('"dice", relevance', '"dyce", relevance', r"arms\.dice: objective: unknown .*dyce"),
        ("share = 0.0", "share = 0.0, row = 2", r"arms\.dice: relevance\.twins: unknown .*row"),
        ("evaluate_every = 2", "evaluate_every = 3", r"arms\.base: the shares make 2 steps"),
        ('"dice", relevance', '"dice", head = "last", relevance', r"arms\.dice: head: unknown .*"),
        (
            '"dice", relevance',
            '"dice", start = "runs/a/best", relevance',
            r"arms\.dice: start is not a list of folders",
        ),
    ],
)
def test_what_is_wrong_is_named_with_file_and_place_in_one_line(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    assert old in PAIR_ABLATION
    with pytest.raises(ValueError, match=message) as error:
        runs_of(tmp_path, PAIR_ABLATION.replace(old, new, 1))
    assert "\n" not in str(error.value)

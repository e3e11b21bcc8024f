"""Ablation files: the runs that they make, and one line for what is wrong in them."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from ablation_runs import ABLATION, write_ablation

from training.ablation.plan import Run, choose, merged, read_ablation
from training.config import read_experiment
from training.fusion import FUSIONS
from training.losses.contrastive import CONTRASTIVE
from training.losses.group_orders import GROUP_ORDERS
from training.losses.ranking import PAIR_ORDERS

EXPERIMENTS = Path(__file__).parents[2] / "training/experiments"


def runs_of(path: Path) -> list[Run]:
    return read_ablation(path).runs(str(path))


def bundled() -> list[Path]:
    """The ablation files of the repository: the experiments that have arms."""
    return [path for path in EXPERIMENTS.glob("*.toml") if "[arms." in path.read_text()]


@pytest.mark.parametrize("path", bundled(), ids=lambda path: str(path.name))
def test_the_bundled_ablations_hold_together(path: Path) -> None:
    runs = runs_of(path)
    assert len({run.config.folder for run in runs}) == len(runs)


def test_the_methods_on_the_data_side_each_change_the_recipe_from_the_base_encoder() -> None:
    runs = [run for run in runs_of(EXPERIMENTS / "methods-data.toml") if run.seed == 1]
    base, *others = (run.config for run in runs)
    assert base.model.start == []
    assert read_experiment(EXPERIMENTS / "keywords.toml").model.start != []
    settings = [(config.model, config.training) for config in (base, *others)]
    assert all(one != other for one, other in combinations(settings, 2))
    for config in others:
        shares = [kind.share for kind in config.training.kinds.values()]
        assert sum(shares) == pytest.approx(1)


def test_there_is_a_bundled_ablation() -> None:
    assert bundled()


def test_every_published_method_has_an_arm_and_starts_from_the_base() -> None:
    runs = runs_of(EXPERIMENTS / "methods.toml")
    trained = [run.config for run in runs if run.config.training.steps]
    assert all(config.model.start == [] for config in trained)
    assert {config.training.contrastive or "info-nce" for config in trained} == set(CONTRASTIVE)
    assert {config.training.pair_order or "cosent" for config in trained} == set(PAIR_ORDERS)
    # The one of the recipe's ablation is not run again.
    orders = {config.training.group_order for config in trained}
    assert orders == set(GROUP_ORDERS) - {"cosent"}


def test_the_arms_that_average_name_runs_of_arms_before_them() -> None:
    runs = runs_of(EXPERIMENTS / "methods.toml")
    fused = [run for run in runs if not run.config.training.steps]
    assert {run.config.model.fusion or "mean" for run in fused} == set(FUSIONS)
    before = {str(run.config.folder / "best") for run in runs[: runs.index(fused[0])]}
    assert all(set(run.config.model.start) <= before for run in fused)


def test_every_arm_is_run_with_each_seed_and_all_first_seeds_come_first(tmp_path: Path) -> None:
    runs = runs_of(write_ablation(tmp_path))
    assert [(run.arm, run.seed) for run in runs] == [
        ("base", 1),
        ("soft", 1),
        ("base", 2),
        ("soft", 2),
    ]
    assert [run.config.seed for run in runs] == [1, 1, 2, 2]
    assert [str(run.config.folder) for run in runs[:2]] == [
        "runs/shapes/base-1",
        "runs/shapes/soft-1",
    ]


def test_an_arm_differs_from_the_base_in_the_screen_and_in_what_it_sets(tmp_path: Path) -> None:
    base, soft, *_ = runs_of(write_ablation(tmp_path))
    plain = read_experiment(tmp_path / "small.toml")
    assert plain.training.evaluate_every == 1
    assert base.config.training.evaluate_every == soft.config.training.evaluate_every == 2
    assert base.config.training.temperature == plain.training.temperature
    assert soft.config.training.temperature == 0.1
    assert base.config.training.kinds == soft.config.training.kinds == plain.training.kinds


def test_the_runs_lie_under_the_folder_that_the_base_names(tmp_path: Path) -> None:
    path = write_ablation(tmp_path)
    base = tmp_path / "small.toml"
    base.write_text('runs = "elsewhere"' + base.read_text())
    assert str(runs_of(path)[0].config.folder) == "elsewhere/shapes/base-1"


def test_tables_are_laid_over_one_another_key_by_key() -> None:
    base = {"a": {"b": 1, "c": {"d": 2}}, "e": 3}
    changes = {"a": {"c": {"f": 4}}, "e": {"g": 5}}
    assert merged(base, changes) == {"a": {"b": 1, "c": {"d": 2, "f": 4}}, "e": {"g": 5}}
    assert base == {"a": {"b": 1, "c": {"d": 2}}, "e": 3}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seeds = [1, 2]", "seeds = [1, 2", r"shapes\.toml: "),
        ("title", "titel", r"shapes\.toml: unknown .*titel"),
        ('name = "shapes"', "", r"shapes\.toml: .*'name'"),
        ('base = "small.toml"', "", r"shapes\.toml: .*'base'"),
        ("seeds = [1, 2]", "seeds = []", r"shapes\.toml: seeds names none"),
        ('verdict = "kept"', 'verdikt = "kept"', r"shapes\.toml: arms\.soft: unknown .*verdikt"),
        ("temperature", "temprature", r"shapes\.toml: arms\.soft: training: unknown .*temprature"),
        ("{ training = { temperature = 0.1 } }", "{ seed = 3 }", r"arms\.soft: .* set seed"),
        ("{ training = { temperature = 0.1 } }", "3", r"arms\.soft: set is not a table"),
        (
            "{ training = { temperature = 0.1 } }",
            "{ kinds = { grups = { share = 1.0, rows = 2 } } }",
            r"shapes\.toml: arms\.soft: kinds: unknown .*grups",
        ),
        (
            "{ training = { temperature = 0.1 } }",
            "{ training = { floors = { stsb = 0.0 } } }",
            r"shapes\.toml: arms\.soft: floors: unknown .*stsb",
        ),
        (
            "{ training = { temperature = 0.1 } }",
            "{ kinds = { groups = { share = 0.5 } } }",
            r"shapes\.toml: arms\.soft: the shares make 1 steps, .* evaluate_every = 2",
        ),
        ("[screen.training]", "[screen.trainin]", r"shapes\.toml: screen: unknown .*trainin"),
        ("[arms.base]", "[arms]\nhard = 3\n[arms.base]", r"shapes\.toml: arms\.hard is not a"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_place_in_one_line(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    assert old in ABLATION
    path = write_ablation(tmp_path, ABLATION.replace(old, new, 1))
    with pytest.raises(ValueError, match=message) as error:
        runs_of(path)
    assert "\n" not in str(error.value)


def test_a_run_of_no_steps_is_measured_as_it_starts(tmp_path: Path) -> None:
    path = write_ablation(tmp_path, ABLATION.replace("temperature = 0.1", "steps = 0"))
    assert [run.config.training.steps for run in runs_of(path)] == [2, 0, 2, 0]


def test_an_ablation_without_arms_is_refused(tmp_path: Path) -> None:
    path = write_ablation(tmp_path, ABLATION.partition("[arms.base]")[0])
    with pytest.raises(ValueError, match=r"shapes\.toml: arms names none"):
        read_ablation(path)


def test_what_is_wrong_in_the_base_is_said_of_the_base(tmp_path: Path) -> None:
    path = write_ablation(tmp_path)
    base = tmp_path / "small.toml"
    base.write_text(base.read_text().replace("temperature", "temprature"))
    with pytest.raises(ValueError, match=r"small\.toml: training: unknown .*temprature"):
        runs_of(path)


def test_a_base_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = write_ablation(tmp_path, ABLATION.replace("small.toml", "other.toml"))
    with pytest.raises(FileNotFoundError, match=r"other\.toml"):
        runs_of(path)


@pytest.mark.parametrize(
    ("arms", "seeds", "chosen"),
    [
        (None, None, [("base", 1), ("soft", 1), ("base", 2), ("soft", 2)]),
        (["soft"], None, [("soft", 1), ("soft", 2)]),
        (None, [2], [("base", 2), ("soft", 2)]),
        (["soft"], [1], [("soft", 1)]),
    ],
)
def test_the_named_arms_and_seeds_are_chosen(
    arms: list[str] | None, seeds: list[int] | None, chosen: list[tuple[str, int]], tmp_path: Path
) -> None:
    runs = runs_of(write_ablation(tmp_path))
    found = choose(runs, "here", arms=arms, seeds=seeds)
    assert [(run.arm, run.seed) for run in found] == chosen


def test_an_arm_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    runs = runs_of(write_ablation(tmp_path))
    with pytest.raises(ValueError, match=r"^here: no arm hard, sofd; there are base, soft$"):
        choose(runs, "here", arms=["soft", "sofd", "hard"])

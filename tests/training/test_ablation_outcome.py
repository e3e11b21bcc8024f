"""What a run came to: the record of the chosen checkpoint, its time, and the spread over seeds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ablation_runs import GENERAL, end_run, record, write_ablation

from training.ablation.outcome import Spread, has_ended, read_outcome, read_outcomes, spread
from training.ablation.plan import Run, read_ablation
from training.run import pin_configuration, write_json


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """Two arms with two seeds, none of them run yet."""
    monkeypatch.chdir(tmp_path)
    return read_ablation(write_ablation(tmp_path)).runs("here")


def test_an_outcome_is_the_last_record_of_the_chosen_step(runs: list[Run]) -> None:
    later = record(0.1, 0.3, step=4)
    end_run(runs[0], later, record(0.2, 0.3), record(0.3, 0.7, stsb_spearman=0.5), minutes=6.5)
    outcome = read_outcome(runs[0].config.folder)
    assert outcome.figures["joint"] == 0.3
    assert outcome.figures["negation_weight"] == 0.7
    assert outcome.figures["stsb_spearman"] == 0.5
    assert "step" not in outcome.figures
    assert outcome.base == GENERAL
    assert list(outcome.sweep) == [0.3, 0.7]
    assert outcome.minutes == pytest.approx(6.5)


def test_runs_that_have_not_ended_have_no_outcome(runs: list[Run]) -> None:
    end_run(runs[0], record(0.3, 0.5))
    pin_configuration(runs[1].config, runs[1].config.folder)
    outcomes = read_outcomes(runs)
    assert [len(outcomes[arm]) for arm in ("base", "soft")] == [1, 0]
    assert [has_ended(run) for run in runs] == [True, False, False, False]


def test_a_run_of_another_configuration_is_none_of_the_arm(
    runs: list[Run], caplog: pytest.LogCaptureFixture
) -> None:
    end_run(runs[0], record(0.3, 0.5))
    config = runs[0].config
    training = replace(config.training, learning_rate=0.02)
    other = replace(runs[0], config=replace(config, training=training))
    assert has_ended(runs[0])
    assert not has_ended(other)
    assert read_outcomes([other]) == {"base": []}
    left_out = "runs/shapes/base-1 is of another configuration than its arm: left out"
    assert caplog.messages == [left_out]


def test_a_run_that_was_never_measured_is_named(runs: list[Run]) -> None:
    end_run(runs[0], record(0.3, 0.5))
    write_json(runs[0].config.folder / "train.json", {"best_joint": None, "best_step": None})
    with pytest.raises(ValueError, match=r"shapes/base-1 was never measured: its evaluate_every"):
        read_outcome(runs[0].config.folder)


def test_the_spread_is_the_mean_and_half_the_range() -> None:
    found = spread([0.5, 0.1, 0.6])
    assert found.mean == pytest.approx(0.4)
    assert found.half_range == pytest.approx(0.25)
    assert spread([0.5]) == Spread(mean=0.5, half_range=0.0)

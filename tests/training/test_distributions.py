"""Cosines by relation, of encoders whose vectors are known and of a tiny exported one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from encoders import oracle

from training import corpus, distributions
from training.config import ExperimentConfig


def test_the_cosines_are_those_of_each_text_with_its_own_anchor() -> None:
    same = {text: group.anchor for group in corpus.groups("dev") for text in group.same}
    found = distributions.cosines(oracle(same))
    groups = corpus.groups("dev")
    for name in distributions.RELATIONS:
        assert len(found[name]) == sum(len(getattr(group, name)) for group in groups)
    np.testing.assert_allclose(found["same"], 1, atol=1e-6)
    assert abs(float(np.mean(found["negated"]))) < 0.05


def test_the_quartiles_are_those_of_the_cosines() -> None:
    told = distributions.describe({"same": np.linspace(0, 1, 101, dtype=np.float32)})
    assert told["same"] == pytest.approx(
        {"texts": 101, "lower_quartile": 0.25, "median": 0.5, "upper_quartile": 0.75}
    )


def test_the_stage_draws_both_models_and_leaves_its_figures(
    exported: Path,
    experiment: ExperimentConfig,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plot, figures = tmp_path / "docs/cosines.svg", tmp_path / "distributions.json"
    config = replace(experiment, output=exported)
    told = distributions.main(config, plot=plot, figures=figures)
    assert json.loads(figures.read_text()) == told
    assert list(told) == [f"before: {config.model.base}", "after: model"]
    assert plot.stat().st_size < 100_000
    words = {text.strip() for text in ElementTree.fromstring(plot.read_bytes()).itertext()}
    assert {*distributions.RELATIONS, *told} <= words
    drawn = plot.read_bytes()
    distributions.draw(
        {name: distributions.cosines(oracle({})) for name in told}, tmp_path / "other.svg"
    )
    distributions.main(config, plot=plot, figures=figures)
    assert plot.read_bytes() == drawn
    assert "median" in capsys.readouterr().out

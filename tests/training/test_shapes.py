"""What shapes of the encoder cost: their folders, their sizes, and the order they are timed in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from torch import nn
from transformers import BertConfig, BertModel

from training import shapes, storage
from training.evaluation.base_encoder import BaseEncoder
from training.serving import ServedEncoder
from training.shape_folder import Shape, write_shape

HIDDEN, LAYERS = 32, 3
MATRICES_A_LAYER = 6
BASE_ALONE, TWO_PARTS, PROJECTED = TRIED = (Shape(), Shape(0, HIDDEN), Shape(2, 16))
TEXTS = ["The pump leaks.", "No boat is late, and the train was never early at night."]


@pytest.fixture(scope="module")
def measured(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The figures of three shapes."""
    output = tmp_path_factory.mktemp("shapes") / "shapes.json"
    shapes.main(str(tiny_base), rounds=1, output=output, shapes=TRIED)
    return output


@pytest.fixture(scope="module")
def rows(measured: Path) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = json.loads(measured.read_text())["shapes"]
    return content


def numbers_in(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


def test_the_base_alone_gives_the_base_encoders_vectors(tiny_base: Path, tmp_path: Path) -> None:
    write_shape(str(tiny_base), BASE_ALONE, tmp_path / "model")
    served = ServedEncoder(tmp_path / "model")
    assert served.spec.two_part is None
    cosines = np.einsum("nd,nd->n", served(TEXTS), BaseEncoder(str(tiny_base))(TEXTS))
    assert cosines.min() > 0.9999


def test_no_layer_of_an_untrained_shape_is_shared_by_mistake(
    tiny_base: Path, tmp_path: Path
) -> None:
    write_shape(str(tiny_base), TWO_PARTS, tmp_path / "model")
    path = tmp_path / "model" / storage.GRAPH
    graph = onnx.load(path, load_external_data=False).graph
    matrices = [tensor.name for tensor in graph.initializer if len(tensor.dims) == 2]
    for stack in ("general", "polarity"):
        assert sum(name.startswith(f"{stack}.") for name in matrices) == MATRICES_A_LAYER * LAYERS


def test_parameters_are_those_that_the_shape_runs(
    tiny_base: Path, rows: list[dict[str, Any]]
) -> None:
    base = BertModel(BertConfig.from_pretrained(tiny_base), add_pooling_layer=False)
    layer, whole = numbers_in(base.encoder.layer[0]), numbers_in(base)
    assert [row["parameters"] for row in rows] == [
        whole,
        whole + 3 * layer,
        whole + layer + HIDDEN * 16,
    ]


def test_sizes_follow_from_parameters_and_dimensions(rows: list[dict[str, Any]]) -> None:
    assert [row["dimensions"] for row in rows] == [32, 64, 48]
    for row in rows:
        assert row["weights_mb"] == pytest.approx(2 * row["parameters"] / 1e6, abs=0.1)
        assert row["vector_bytes_float32"] == 4 * row["dimensions"]
        assert row["vector_bytes_float16"] == 2 * row["dimensions"]


def test_speeds_are_told_as_shares_of_the_first_shapes(rows: list[dict[str, Any]]) -> None:
    assert rows[0]["relative_speed"] == 1
    assert all(row["tokens_per_second"] > 0 for row in rows)


def test_every_shape_is_timed_once_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, called = [0.0], []

    def run(name: str, seconds: float) -> None:
        called.append(name)
        clock[0] += seconds

    monkeypatch.setattr("time.perf_counter", lambda: clock[0])
    seconds = shapes.time_rounds([lambda: run("a", 1.0), lambda: run("b", 2.0)], rounds=2)
    assert called == ["a", "b"] * 3
    np.testing.assert_array_equal(seconds, [[1.0, 1.0], [2.0, 2.0]])


def test_texts_are_of_many_lengths_and_the_same_at_every_call() -> None:
    texts = shapes.sample_texts()
    words = [len(text.split()) for text in texts]
    assert texts == shapes.sample_texts()
    assert min(words) < 20
    assert max(words) > 80


def test_a_round_is_needed(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"training\.shapes: rounds must be at least 1"):
        shapes.run(["--rounds", "0", "--output", str(tmp_path / "shapes.json")])
    assert not list(tmp_path.iterdir())


def test_help_gives_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        shapes.run(["--help"])
    assert "Example: python -m training.shapes --rounds 9" in capsys.readouterr().out


def test_the_table_has_a_line_a_shape(measured: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shapes.print_table(json.loads(measured.read_text()))
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.startswith("shape")
    assert [line.partition("  ")[0] for line in lines] == [shape.name for shape in TRIED]

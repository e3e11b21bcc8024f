"""Half-precision weights in one file, and graphs that point into it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper
from safetensors.torch import load_file, save_file

from service.errors import StartupError
from service.weights import check_weights
from training import storage

# Exact in half precision, so that what is computed from them can be compared exactly.
WEIGHTS = {
    "layer.weight": torch.tensor([[0.5, -1.0], [2.0, 0.25], [0.0, 4.0]]),
    "layer.bias": torch.tensor([1.0, -0.5]),
    "unused": torch.arange(5.0),
}


def graph_of(weights: dict[str, torch.Tensor]) -> ModelProto:
    """Make y = 2 * (x @ layer.weight + layer.bias), its weights inside."""
    initializers = [
        numpy_helper.from_array(weight.numpy(), name)
        for name, weight in (*weights.items(), ("two", torch.tensor(2.0)))
    ]
    nodes = [
        helper.make_node("MatMul", ["x", "layer.weight"], ["product"]),
        helper.make_node("Add", ["product", "layer.bias"], ["sum"]),
        helper.make_node("Mul", ["sum", "two"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])],
        initializers,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def test_weights_come_back_as_they_were_rounded(tmp_path: Path) -> None:
    weights = {"a": torch.randn(7, 3), "b": torch.randn(2)}
    storage.write_half(weights, tmp_path)
    stored = load_file(tmp_path / storage.WEIGHTS)
    assert {weight.dtype for weight in stored.values()} == {torch.float16}
    read = storage.read_half(tmp_path)
    for name, weight in weights.items():
        assert torch.equal(read[name], weight.half().float())


def test_another_user_may_read_the_weights(tmp_path: Path) -> None:
    storage.write_half(WEIGHTS, tmp_path)
    assert (tmp_path / storage.WEIGHTS).stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("value", [70000.0, -1e9, float("inf"), float("nan")])
def test_a_weight_beyond_half_precision_is_named(value: float, tmp_path: Path) -> None:
    weights = {"fits": torch.ones(3), "layer.huge": torch.tensor([1.0, value])}
    with pytest.raises(ValueError, match=r"layer\.huge does not fit half precision"):
        storage.write_half(weights, tmp_path)
    assert not (tmp_path / storage.WEIGHTS).exists()


def test_each_tensor_lies_where_the_header_says(tmp_path: Path) -> None:
    storage.write_half(WEIGHTS, tmp_path)
    spans, shapes = storage.read_header(tmp_path / storage.WEIGHTS)
    content = (tmp_path / storage.WEIGHTS).read_bytes()
    assert spans.keys() == shapes.keys() == WEIGHTS.keys()
    for name, weight in WEIGHTS.items():
        data = content[spans[name].offset : spans[name].offset + spans[name].length]
        values = np.frombuffer(data, dtype=np.float16).reshape(shapes[name])
        np.testing.assert_array_equal(values, weight.numpy())


def test_a_graph_that_points_into_the_weights_computes_the_same(tmp_path: Path) -> None:
    storage.write_half(WEIGHTS, tmp_path)
    path = storage.save_graph(storage.point_into_weights(graph_of(WEIGHTS), tmp_path), tmp_path)
    onnx.checker.check_model(str(path))
    inside = onnx.load(path, load_external_data=False).graph.initializer
    assert {tensor.name for tensor in inside if tensor.raw_data} == {"two"}
    x = np.array([[1, 2, 3], [-1, 0, 0.5]], dtype=np.float32)
    expected = 2 * (x @ WEIGHTS["layer.weight"].numpy() + WEIGHTS["layer.bias"].numpy())
    (y,) = onnxruntime.InferenceSession(str(path)).run(None, {"x": x})
    np.testing.assert_array_equal(y, expected)


def test_a_graph_whose_weights_were_written_anew_is_not_loaded(tmp_path: Path) -> None:
    storage.write_half(WEIGHTS, tmp_path)
    path = storage.save_graph(storage.point_into_weights(graph_of(WEIGHTS), tmp_path), tmp_path)
    metadata = onnxruntime.InferenceSession(str(path)).get_modelmeta().custom_metadata_map
    check_weights(path, metadata)
    save_file(
        {name: weight.float() for name, weight in WEIGHTS.items()}, tmp_path / storage.WEIGHTS
    )
    with pytest.raises(StartupError, match="was written anew"):
        check_weights(path, metadata)


def test_a_weight_of_another_shape_is_refused(tmp_path: Path) -> None:
    storage.write_half(WEIGHTS | {"layer.weight": torch.ones(2, 3)}, tmp_path)
    with pytest.raises(ValueError, match=r"layer\.weight has another shape"):
        storage.point_into_weights(graph_of(WEIGHTS), tmp_path)


def test_a_graph_without_any_of_the_weights_is_refused(tmp_path: Path) -> None:
    storage.write_half({"other": torch.ones(2)}, tmp_path)
    with pytest.raises(ValueError, match="exported with folding"):
        storage.point_into_weights(graph_of(WEIGHTS), tmp_path)

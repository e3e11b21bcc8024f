"""One set of half-precision weights that both torch and ONNX Runtime read.

The weights lie in `model.safetensors`; the ONNX graph beside it holds no weights of its own but
points into that file (ONNX external data), and casts each tensor to float32. ONNX Runtime folds the
casts away when it loads the graph, so inference costs the same as with float32 weights, from half
the bytes. Rounding to half precision happens once, before parity is measured.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from onnx import ModelProto, NodeProto, TensorProto, helper
from safetensors.torch import load_file, save_file
from torch import Tensor

from service.weights import DIGEST_KEY, WEIGHTS, header_digest

GRAPH = "model.onnx"


@dataclass(frozen=True)
class Span:
    """Where a tensor's bytes lie in a safetensors file."""

    offset: int
    length: int


def write_half(weights: Mapping[str, Tensor], folder: Path) -> None:
    """Write the weights in half precision.

    Raises:
        ValueError: A weight does not fit half precision; the message names it.
    """
    half = {}
    for name, weight in weights.items():
        half[name] = weight.detach().to(torch.float16).contiguous()
        if not torch.isfinite(half[name]).all():
            raise ValueError(f"{name} does not fit half precision")
    save_file(half, folder / WEIGHTS, metadata={"format": "pt"})
    # safetensors writes for the owner alone; a container serves the folder as another user.
    (folder / WEIGHTS).chmod(0o644)


def read_half(folder: Path) -> dict[str, Tensor]:
    """Read weights that `write_half` wrote, widened to float32."""
    return {name: weight.float() for name, weight in load_file(folder / WEIGHTS).items()}


def point_into_weights(graph: ModelProto, folder: Path) -> ModelProto:
    """Replace the graph's float32 weights by casts of the tensors in the folder's weights.

    Args:
        graph: Exported without constant folding, so that its weights bear their torch names.
        folder: Holds the safetensors file.

    Raises:
        ValueError: The graph has no weight of the file, or one of another shape.
    """
    spans, shapes = read_header(folder / WEIGHTS)
    kept, casts, pointers = [], [], []
    for weight in graph.graph.initializer:
        if weight.name not in spans:
            kept.append(weight)
            continue
        if list(weight.dims) != shapes[weight.name]:
            raise ValueError(f"{weight.name} has another shape in the graph than in {WEIGHTS}")
        pointers.append(pointer(weight, spans[weight.name]))
        casts.append(cast(weight.name))
    if not pointers:
        raise ValueError(f"no weight of the graph is in {WEIGHTS}: was it exported with folding?")
    nodes = list(graph.graph.node)
    del graph.graph.initializer[:], graph.graph.node[:]
    graph.graph.initializer.extend([*kept, *pointers])
    graph.graph.node.extend([*casts, *nodes])
    return graph


def pointer(weight: TensorProto, span: Span) -> TensorProto:
    """A half-precision tensor whose bytes lie in the weights file."""
    tensor = TensorProto(
        name=half_name(weight.name), dims=weight.dims, data_type=TensorProto.FLOAT16
    )
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", WEIGHTS), ("offset", span.offset), ("length", span.length)):
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def cast(name: str) -> NodeProto:
    """The cast that gives a weight its old name and type back."""
    return helper.make_node(
        "Cast", [half_name(name)], [name], name=f"{name}.cast", to=TensorProto.FLOAT
    )


def half_name(name: str) -> str:
    """Name of a weight's half-precision tensor in the graph."""
    return f"{name}.half"


def read_header(path: Path) -> tuple[dict[str, Span], dict[str, list[int]]]:
    """Read where each tensor of a safetensors file lies, counted from the file's start.

    The format: eight bytes of length, that much JSON, then the data.
    """
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    start = 8 + length
    spans, shapes = {}, {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        spans[name] = Span(start + first, last - first)
        shapes[name] = entry["shape"]
    return spans, shapes


def save_graph(graph: ModelProto, folder: Path) -> Path:
    """Write the graph; its weights stay where they are, and the graph can tell if they changed."""
    path = folder / GRAPH
    helper.set_model_props(graph, {DIGEST_KEY: header_digest(folder / WEIGHTS)})
    onnx.save_model(graph, path)
    return path

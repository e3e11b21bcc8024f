"""One graph that is ready to run: padded token ids in, one row a text out."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service import openvino_graph
from service.cpu import reports_bfloat16, usable_cpus
from service.encoding import Encoding
from service.errors import StartupError
from service.graph import Graph
from service.model_spec import ModelSpec
from service.onnx_graph import CPU, CUDA, OnnxGraph, has_cuda
from service.openvino_graph import OPENVINO, OpenVinoGraph
from service.pooling import Pooling, pool
from service.settings import Device

logger = logging.getLogger(__name__)

# Outputs that hold one row a text already, and those with one a token, best first.
_ROW_OUTPUTS = ("sentence_embedding", "logits")
_TOKEN_OUTPUTS = ("last_hidden_state", "token_embeddings")
_PROVIDERS = {"cpu": CPU, "cuda": CUDA, "openvino": OPENVINO}
_INPUTS = frozenset({"input_ids", "attention_mask", "token_type_ids", "position_ids"})


class OnnxBackend:
    """An ONNX graph that is loaded and ready to run. Runs are serialised by the caller.

    Args:
        graph: The `.onnx` file; weights beside it are found by the runtime.
        pooling: How to pool a graph that gives token vectors; None if it must give rows.
        pad_token_id: The id that fills up a batch.
        provider: What must run it: an execution provider of ONNX Runtime, or OpenVINO.
        intra_op_num_threads: Threads of one run on a CPU; 0 takes the processors we may use.
        side_output: An output of one number a text, to end each row with if the graph has it.

    Attributes:
        provider: What really runs it.
        threads: Threads of one run on a CPU.
        gives_token_vectors: Whether the graph gives a vector a token.
        has_side_output: Whether rows end with the number of `side_output`.

    Raises:
        StartupError: The graph cannot be loaded, has inputs or outputs we do not know, or the
            provider is not what runs.
    """

    def __init__(
        self,
        graph: Path,
        *,
        pooling: Pooling | None,
        pad_token_id: int = 0,
        provider: str = CPU,
        intra_op_num_threads: int = 0,
        side_output: str | None = None,
    ) -> None:
        self.threads = intra_op_num_threads or usable_cpus()
        self._graph = _open_graph(graph, provider, self.threads)
        self.provider = self._graph.provider
        self._pad_token_id = pad_token_id
        _check_inputs(self._graph, graph)
        output, self._pooling = _choose_output(self._graph, graph, pooling)
        self.gives_token_vectors = self._pooling is not None
        self._outputs = [output]
        if side_output is not None and _has_side_output(self._graph, graph, side_output):
            self._outputs.append(side_output)
        self.has_side_output = len(self._outputs) > 1

    def run(self, encodings: Sequence[Encoding]) -> NDArray[np.float32]:
        """Run one forward pass, and leave token vectors with the encodings that ask for them.

        Returns:
            One row a text, (texts, width): pooled vectors, not normalised, or logits; behind them
            the number of the side output, if the graph has it.
        """
        lengths = np.array([len(encoding) for encoding in encodings])
        real = np.arange(lengths.max()) < lengths[:, None]  # (texts, width)
        mask = real.astype(np.int64)
        feeds = {"attention_mask": mask}
        feeds["input_ids"] = _pad([e.ids for e in encodings], real, self._pad_token_id)
        if "token_type_ids" in self._graph.inputs:
            feeds["token_type_ids"] = _pad([e.type_ids for e in encodings], real, 0)
        if "position_ids" in self._graph.inputs:
            # Padding is on the right, so that every text starts at position 0.
            feeds["position_ids"] = np.tile(np.arange(real.shape[1]), (len(real), 1))
        feeds = {name: feeds[name] for name in self._graph.inputs}
        output, *side = self._graph.run(self._outputs, feeds)
        if self._pooling:
            rows = pool(output, mask, self._pooling)
            _leave_token_vectors(encodings, output)
        else:
            rows = output
        if side:
            rows = np.column_stack((rows, *side))
        return np.asarray(rows, dtype=np.float32)


def _leave_token_vectors(encodings: Sequence[Encoding], hidden: NDArray[np.float32]) -> None:
    for encoding, states in zip(encodings, hidden, strict=True):
        if encoding.token_vectors is not None:
            # A copy, or the padding would be kept as well. A text may be run more than once.
            encoding.token_vectors[:] = [states[: len(encoding)].astype(np.float32)]


def open_backend(
    spec: ModelSpec,
    *,
    device: Device,
    pooling: Pooling | None,
    intra_op_num_threads: int,
    side_output: str | None = None,
) -> OnnxBackend:
    """Load a model on a device; on CUDA its half precision graph is preferred.

    Args:
        spec: What to load.
        device: `auto` takes CUDA if it really becomes active, else OpenVINO where that is there and
            the processor computes in bfloat16, else ONNX Runtime on the CPU.
        pooling: How to pool a graph that gives token vectors.
        intra_op_num_threads: Threads of one run on a CPU; 0 takes the processors we may use.
        side_output: An output of one number a text, to end each row with if the graph has it.

    Raises:
        StartupError: The graph cannot be loaded, or what was asked for is not what runs.
    """

    def load(provider: str) -> OnnxBackend:
        return OnnxBackend(
            spec.find_graph(half_precision=provider == CUDA),
            pooling=pooling,
            pad_token_id=spec.pad_token_id,
            provider=provider,
            intra_op_num_threads=intra_op_num_threads,
            side_output=side_output,
        )

    if device != "auto":
        return load(_PROVIDERS[device])
    for provider in _faster_providers():
        try:
            return load(provider)
        except StartupError as error:
            logger.warning("%s does not run here: %s", provider, error)
    return load(CPU)


def _faster_providers() -> Iterator[str]:
    """What may run faster than ONNX Runtime on the CPU, the fastest first."""
    if has_cuda():
        yield CUDA
    if openvino_graph.is_installed():
        if openvino_graph.computes_in_bfloat16():
            yield OPENVINO
    elif reports_bfloat16():
        logger.info("this processor computes in bfloat16, which needs `pip install openvino`")


def _pad(
    sequences: Sequence[NDArray[np.int32]], real: NDArray[np.bool_], filler: int
) -> NDArray[np.int64]:
    """Lay the sequences out in rows: `real` is true where their numbers go, the rest is filler."""
    padded = np.full(real.shape, filler, dtype=np.int64)
    padded[real] = np.concatenate(sequences)
    return padded


def _open_graph(path: Path, provider: str, threads: int) -> Graph:
    if provider == OPENVINO:
        return OpenVinoGraph(path, threads)
    return OnnxGraph(path, provider, threads)


def _check_inputs(graph: Graph, path: Path) -> None:
    unknown = sorted(set(graph.inputs) - _INPUTS)
    if unknown or "input_ids" not in graph.inputs:
        raise StartupError(
            f"{path} has inputs we cannot give: {', '.join(unknown or graph.inputs)}"
        )


def _choose_output(graph: Graph, path: Path, pooling: Pooling | None) -> tuple[str, Pooling | None]:
    """Return the output to ask for, and how to pool it if it holds a vector a token."""
    for name in _ROW_OUTPUTS:
        if name in graph.outputs:
            return name, None
    by_tokens = [name for name in _TOKEN_OUTPUTS if name in graph.outputs]
    by_tokens += [name for name, shape in graph.outputs.items() if len(shape) == 3]
    if pooling is None or not by_tokens:
        raise StartupError(f"{path} gives {', '.join(graph.outputs)}: no rows, and nothing to pool")
    return by_tokens[0], pooling


def _has_side_output(graph: Graph, path: Path, name: str) -> bool:
    shape = graph.outputs.get(name)
    if shape is None:
        return False
    # What only a run shows is checked at the warm-up.
    columns = [size for size in shape[1:] if size is not None]
    if len(shape) not in (1, 2) or columns not in ([], [1]):
        raise StartupError(f"{path}: the output {name} must hold one number a text, not {shape}")
    return True

"""One ONNX Runtime session: padded token ids in, one row a text out."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from service.cpu import usable_cpus
from service.errors import StartupError
from service.model_folder import ModelSpec
from service.pooling import Pooling, pool
from service.settings import Device
from service.tokenization import Encoding
from service.weights import check_weights

logger = logging.getLogger(__name__)

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"

# Outputs that hold one row a text already, and those with one a token, best first.
_ROW_OUTPUTS = ("sentence_embedding", "logits")
_TOKEN_OUTPUTS = ("last_hidden_state", "token_embeddings")
_INPUTS = frozenset({"input_ids", "attention_mask", "token_type_ids"})


class OnnxBackend:
    """A graph that is loaded and ready to run. Runs are serialised by the caller.

    Args:
        graph: The `.onnx` file; weights beside it are found by ONNX Runtime.
        pooling: How to pool a graph that gives token vectors; None if it must give rows.
        pad_token_id: The id that fills up a batch.
        provider: The execution provider that must run.
        intra_op_num_threads: Threads of one run on a CPU; 0 takes the processors we may use.
        side_output: An output of one number a text, to end each row with if the graph has it.

    Attributes:
        provider: The execution provider that really runs.
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
        self.provider = provider
        self.threads = intra_op_num_threads or usable_cpus()
        self._session = _open_session(graph, provider, self.threads)
        self._pad_token_id = pad_token_id
        self._inputs = _choose_inputs(self._session, graph)
        output, self._pooling = _choose_output(self._session, graph, pooling)
        self.gives_token_vectors = self._pooling is not None
        self.has_side_output = _has_side_output(self._session, graph, side_output)
        self._outputs = [output, side_output] if self.has_side_output else [output]

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
        if "input_ids" in self._inputs:
            ids = [encoding.ids for encoding in encodings]
            feeds["input_ids"] = _pad(ids, real, self._pad_token_id)
        if "token_type_ids" in self._inputs:
            feeds["token_type_ids"] = _pad([e.type_ids for e in encodings], real, 0)
        feeds = {name: feeds[name] for name in self._inputs}
        output, *side = self._session.run(self._outputs, feeds)
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
        device: `auto` takes CUDA if it really becomes active, and the CPU otherwise.
        pooling: How to pool a graph that gives token vectors.
        intra_op_num_threads: Threads of one run on a CPU; 0 takes the processors we may use.
        side_output: An output of one number a text, to end each row with if the graph has it.

    Raises:
        StartupError: The graph cannot be loaded, or CUDA was asked for and is not what runs.
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

    if device == "cpu" or (device == "auto" and CUDA not in onnxruntime.get_available_providers()):
        return load(CPU)
    try:
        return load(CUDA)
    except StartupError as error:
        if device == "cuda":
            raise
        logger.warning("CUDA does not run here, falling back to the CPU: %s", error)
        return load(CPU)


def _pad(
    sequences: Sequence[NDArray[np.int32]], real: NDArray[np.bool_], filler: int
) -> NDArray[np.int64]:
    """Lay the sequences out in rows: `real` is true where their numbers go, the rest is filler."""
    padded = np.full(real.shape, filler, dtype=np.int64)
    padded[real] = np.concatenate(sequences)
    return padded


def _open_session(graph: Path, provider: str, threads: int) -> onnxruntime.InferenceSession:
    if provider not in onnxruntime.get_available_providers():
        raise StartupError(f"this ONNX Runtime has no {provider}")
    if provider == CUDA and hasattr(onnxruntime, "preload_dlls"):
        onnxruntime.preload_dlls()
    try:
        session = onnxruntime.InferenceSession(
            str(graph),
            sess_options=_session_options(threads),
            providers=[(provider, _provider_options(provider))],
        )
    except Exception as error:
        # ONNX Runtime's exceptions have no common base under Exception.
        raise StartupError(f"{graph} cannot be loaded: {_first_line(error)}") from error
    active = session.get_providers()[0]
    if active != provider:
        raise StartupError(f"asked for {provider}, but ONNX Runtime runs {active}")
    session.disable_fallback()
    check_weights(graph, session.get_modelmeta().custom_metadata_map)
    return session


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _session_options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    # Spinning threads keep their cores busy long after a request has been answered.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Memory patterns are for one shape, and every batch has its own. The arena stays: batches are
    # bounded, so it is too, and without it each pass pays for its pages anew.
    options.enable_mem_pattern = False
    return options


def _provider_options(provider: str) -> dict[str, str]:
    if provider != CUDA:
        return {}
    return {
        # Doubling an arena on each growth would take memory that no batch needs.
        "arena_extend_strategy": "kSameAsRequested",
        # TF32 would make a text's vector depend on its batch; speed comes from the fp16 graph.
        "use_tf32": "0",
    }


def _choose_inputs(session: onnxruntime.InferenceSession, graph: Path) -> list[str]:
    names = [node.name for node in session.get_inputs()]
    unknown = sorted(set(names) - _INPUTS)
    if unknown or "input_ids" not in names:
        raise StartupError(f"{graph} has inputs we cannot give: {', '.join(unknown or names)}")
    return names


def _choose_output(
    session: onnxruntime.InferenceSession, graph: Path, pooling: Pooling | None
) -> tuple[str, Pooling | None]:
    """Return the output to ask for, and how to pool it if it holds a vector a token."""
    outputs = {node.name: len(node.shape) for node in session.get_outputs()}
    for name in _ROW_OUTPUTS:
        if name in outputs:
            return name, None
    by_tokens = [name for name in _TOKEN_OUTPUTS if name in outputs]
    by_tokens += [name for name, rank in outputs.items() if rank == 3]
    if pooling is None or not by_tokens:
        raise StartupError(f"{graph} gives {', '.join(outputs)}: no rows, and nothing to pool")
    return by_tokens[0], pooling


def _has_side_output(session: onnxruntime.InferenceSession, graph: Path, name: str | None) -> bool:
    shape = next((node.shape for node in session.get_outputs() if node.name == name), None)
    if shape is None:
        return False
    # What only a run shows is no integer here, and is checked at the warm-up.
    columns = [size for size in shape[1:] if isinstance(size, int)]
    if len(shape) not in (1, 2) or columns not in ([], [1]):
        raise StartupError(f"{graph}: the output {name} must hold one number a text, not {shape}")
    return True

"""A graph in ONNX Runtime, on a CPU or on CUDA.

ONNX Runtime is imported by what opens a graph in it: it takes some 20 MB for good, which a process
whose graphs run in OpenVINO need not pay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from service.errors import StartupError
from service.graph import Shape
from service.weights import check_weights

if TYPE_CHECKING:
    import onnxruntime

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
# The library beside ONNX Runtime's own that has CUDA in it, whatever a system calls libraries.
_CUDA_LIBRARY = "capi/*onnxruntime_providers_cuda*"


class OnnxGraph:
    """A graph in an ONNX Runtime session.

    Args:
        path: The `.onnx` file; weights beside it are found by ONNX Runtime.
        provider: The execution provider that must run.
        threads: Threads of one run on a CPU.

    Attributes:
        inputs: Names of the inputs.
        outputs: Shapes of the outputs by name; what only a run shows is None.
        provider: The execution provider that really runs.

    Raises:
        StartupError: The graph cannot be loaded, or the provider is not what runs.
    """

    def __init__(self, path: Path, provider: str, threads: int) -> None:
        self.provider = provider
        self._session = _open_session(path, provider, threads)
        self.inputs = [node.name for node in self._session.get_inputs()]
        self.outputs = {node.name: _shape(node.shape) for node in self._session.get_outputs()}

    def run(self, outputs: Sequence[str], feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Run one forward pass and return the outputs that are asked for; no others are made."""
        found: list[NDArray[Any]] = self._session.run(list(outputs), dict(feeds))
        return found


def has_cuda() -> bool:
    """Whether this ONNX Runtime was built for CUDA; one that was not need not be imported."""
    package = find_spec("onnxruntime")
    places = package.submodule_search_locations if package else None
    libraries = [library for place in places or () for library in Path(place).glob(_CUDA_LIBRARY)]
    return bool(libraries) and CUDA in _runtime().get_available_providers()


@cache
def _runtime() -> Any:  # noqa: ANN401 - a library without types
    import onnxruntime  # noqa: PLC0415

    return onnxruntime


def _shape(sizes: Sequence[object]) -> Shape:
    return tuple(size if isinstance(size, int) else None for size in sizes)


def _open_session(graph: Path, provider: str, threads: int) -> onnxruntime.InferenceSession:
    runtime = _runtime()
    if provider not in runtime.get_available_providers():
        raise StartupError(f"this ONNX Runtime has no {provider}")
    if provider == CUDA and hasattr(runtime, "preload_dlls"):
        runtime.preload_dlls()
    try:
        session = runtime.InferenceSession(
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
    runtime = _runtime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    # Spinning threads keep their cores busy long after a request has been answered.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Memory patterns are for one shape, and every batch has its own. The arena stays: batches are
    # bounded, so it is too, and without it each pass pays for its pages anew.
    options.enable_mem_pattern = False
    _share_arena()
    options.add_session_config_entry("session.use_env_allocators", "1")
    return options


@cache
def _share_arena() -> None:
    """Give all sessions of this process one arena on the CPU: their passes take turns.

    It grows by what is asked for. Doubling at each growth, as it does by default, takes memory that
    no batch needs.
    """
    runtime = _runtime()
    place = runtime.OrtMemoryInfo(
        "Cpu", runtime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, runtime.OrtMemType.DEFAULT
    )
    # No bound, growth as requested (1), and for the rest what ONNX Runtime has by default (-1).
    growth = {
        "max_mem": 0,
        "arena_extend_strategy": 1,
        "initial_chunk_size_bytes": -1,
        "max_dead_bytes_per_chunk": -1,
    }
    runtime.create_and_register_allocator(place, runtime.OrtArenaCfg(growth))


def _provider_options(provider: str) -> dict[str, str]:
    if provider != CUDA:
        return {}
    return {
        # Doubling an arena on each growth would take memory that no batch needs.
        "arena_extend_strategy": "kSameAsRequested",
        # TF32 would make a text's vector depend on its batch; speed comes from the fp16 graph.
        "use_tf32": "0",
    }

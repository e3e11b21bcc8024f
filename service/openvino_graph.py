"""A graph in OpenVINO, in bfloat16 where the processor computes in it.

Alone, a forward pass takes about half of the time there that ONNX Runtime takes in float32
(`benchmarks/LOG.md`). Vectors differ from those in float32 by a cosine of some hundred-thousandths.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.cpu import lacks_bfloat16
from service.errors import StartupError
from service.graph import Shape
from service.weights import DIGEST_KEY, check_weights

# What this is called beside ONNX Runtime's execution providers.
OPENVINO = "OpenVINO"
_DEVICE = "CPU"
# What OpenVINO compiles for a shape it keeps, by default for thousands of them, and nearly every
# batch has a shape of its own: memory would grow by half a megabyte with each.
_KEPT_SHAPES = 96
# So does oneDNN below it, in a cache of its own, which is read from the environment alone.
_ONEDNN_CACHE = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
_KEPT_PRIMITIVES = "128"
# Bytes of a graph over which it must hold its weights itself.
_LARGEST_POINTING = 16 * 1024 * 1024


class OpenVinoGraph:
    """A graph that OpenVINO has compiled for this processor.

    Args:
        path: The `.onnx` file; weights beside it are found by OpenVINO.
        threads: Threads of one run.

    Attributes:
        inputs: Names of the inputs.
        outputs: Shapes of the outputs by name; what only a run shows is None.
        provider: "OpenVINO", with the precision that it computes in.

    Raises:
        StartupError: OpenVINO is not installed, or the graph cannot be loaded.
    """

    def __init__(self, path: Path, threads: int) -> None:
        if not is_installed():
            raise StartupError("OpenVINO is not installed: pip install openvino")
        precision = "bf16" if computes_in_bfloat16() else "f32"
        self.provider = f"{OPENVINO} {precision}"
        core = _core()
        try:
            model = core.read_model(str(path))
            if precision == "bf16":
                _halve(model)
            compiled = core.compile_model(
                model,
                _DEVICE,
                {
                    "INFERENCE_PRECISION_HINT": precision,
                    "INFERENCE_NUM_THREADS": threads,
                    # One pass at a time has all threads: passes are made large by the batcher.
                    "NUM_STREAMS": 1,
                    # Pinned threads of two processes would share a core and leave another idle.
                    "ENABLE_CPU_PINNING": False,
                    "CPU_RUNTIME_CACHE_CAPACITY": _KEPT_SHAPES,
                },
            )
        except RuntimeError as error:
            raise StartupError(f"{path} cannot be loaded: {_reason(error)}") from error
        check_weights(path, _metadata(path))
        self.inputs = [port.any_name for port in compiled.inputs]
        self.outputs = {port.any_name: _shape(port.partial_shape) for port in compiled.outputs}
        self._request = compiled.create_infer_request()

    def run(self, outputs: Sequence[str], feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Run one forward pass and return the outputs that are asked for."""
        self._request.infer(dict(feeds), share_inputs=True)
        # Copies: the request's own arrays are written anew by the next pass.
        return [np.array(self._request.get_tensor(name).data) for name in outputs]


def is_installed() -> bool:
    """Whether the package is there; it is an extra."""
    return find_spec("openvino") is not None


def computes_in_bfloat16() -> bool:
    """Whether OpenVINO, which is installed, finds a processor that computes in bfloat16.

    It is asked only where the processor may: importing it takes some 30 MB for good.
    """
    return not lacks_bfloat16() and "BF16" in _core().get_property(
        _DEVICE, "OPTIMIZATION_CAPABILITIES"
    )


@cache
def _core() -> Any:  # noqa: ANN401 - a library without types
    os.environ.setdefault(_ONEDNN_CACHE, _KEPT_PRIMITIVES)
    # Imported where it is used: it takes a third of a second, and may not be there.
    import openvino  # noqa: PLC0415

    return openvino.Core()


def _halve(model: Any) -> None:  # noqa: ANN401
    """Hold float32 weights in half precision, as an exported folder of ours has them.

    They are computed with in bfloat16, which has fewer digits, and OpenVINO keeps what it has read
    beside what it computes with.
    """
    try:
        # Not public, though what the public `save_model` does on its way to a file.
        from openvino._offline_transformations import (  # noqa: PLC0415
            compress_model_transformation,
        )
    except ImportError:  # what it saves is memory alone
        return
    compress_model_transformation(model)


def _shape(shape: Any) -> Shape:  # noqa: ANN401
    return tuple(size.get_length() if size.is_static else None for size in shape)


def _metadata(path: Path) -> dict[str, str]:
    """Find the digest that the exporter left, which OpenVINO does not hand on.

    Of a graph that points into a weights file the bytes are few. In its protobuf, the value of a
    property of the model follows its key, as a field of its own.
    """
    if path.stat().st_size > _LARGEST_POINTING:
        return {}
    content = path.read_bytes()
    key = DIGEST_KEY.encode()
    place = content.find(key)
    if place < 0:
        return {}
    # Tag and length, a byte each, then 64 hexadecimal digits.
    start = place + len(key) + 2
    return {DIGEST_KEY: content[start : start + 64].decode("ascii", "replace")}


def _reason(error: RuntimeError) -> str:
    """Return the line that says what is wrong, behind those that say where in the library."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else "OpenVINO gives no reason"

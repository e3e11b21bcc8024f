"""Whether the weights beside a graph are those that it was made for.

A graph may point into a safetensors file by byte offsets. If that file is written anew, by a
library that saves the folder, say, the offsets lead elsewhere, and ONNX Runtime reads what it finds
there without complaint. So the exporter leaves a digest of the file's header in the graph.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from pathlib import Path

from service.errors import StartupError

WEIGHTS = "model.safetensors"
DIGEST_KEY = "litotes.weights_header_sha256"


def header_digest(path: Path) -> str:
    """Return the SHA-256 of a safetensors header: the names, shapes and places of its tensors."""
    with path.open("rb") as file:
        prefix = file.read(8)
        (length,) = struct.unpack("<Q", prefix)
        return hashlib.sha256(prefix + file.read(length)).hexdigest()


def check_weights(graph: Path, metadata: Mapping[str, str]) -> None:
    """Refuse a graph whose weights file is not the one that it points into.

    Args:
        graph: The `.onnx` file; its weights lie beside it.
        metadata: The graph's own; one without a digest holds its weights itself.

    Raises:
        StartupError: The file was written anew.
    """
    expected = metadata.get(DIGEST_KEY)
    if expected is not None and header_digest(graph.with_name(WEIGHTS)) != expected:
        raise StartupError(
            f"{graph.with_name(WEIGHTS)} is not the file that {graph.name} points into:"
            " it was written anew; export the model again"
        )

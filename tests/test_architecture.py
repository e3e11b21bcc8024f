"""Imports point one way, and the service never reaches for the tools of training."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SERVICE = ROOT / "service"

# Each layer may import the layers after it, and its own package.
LAYERS = (
    "__main__",
    "server",
    "connection",
    "app",
    "middleware",
    "browsers",
    "draining",
    "authentication",
    "decompression",
    "routes",
    "schemas",
    "runtime",
    "logs",
    "pair_model",
    "document",
    "explanation",
    "discriminator",
    "reranker",
    "similarity",
    "encoder",
    "embeddings",
    "vector_form",
    "cues",
    "passage_parts",
    "passage_sentences",
    "sentences",
    "span",
    "windows",
    "engine",
    "distinct",
    "row_cache",
    "caller",
    "spans",
    "tracing",
    "timing",
    "together",
    "batching",
    "passes",
    "packing",
    "batch_shape",
    "batch",
    "request",
    "drain",
    "watchdog",
    "allocator",
    "backend",
    "onnx_graph",
    "openvino_graph",
    "graph",
    "cpu",
    "weights",
    "tokens",
    "tokenization",
    "encoding",
    "template",
    "model_folder",
    "model_spec",
    "quantization",
    "vectors",
    "pooling",
    "token_decoder",
    "metrics",
    "keys",
    "settings",
    "errors",
)
TRAINING_ONLY = {
    "training",
    "benchmarks",
    "torch",
    "transformers",
    "sentence_transformers",
    "optimum",
    "datasets",
    "peft",
    "mteb",
    "matplotlib",
    "onnx",
    "sklearn",
    "scipy",
}


def imported_modules(path: Path) -> Iterator[str]:
    """Every absolute module name that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            assert node.module is not None
            yield node.module
            # `from service.routes import tei` names a module as well.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(module: str) -> str:
    """The part of `service` that a module belongs to: `service.routes.tei` is in `routes`."""
    return module.split(".")[1]


def service_files() -> list[Path]:
    return sorted(SERVICE.rglob("*.py"))


@pytest.mark.parametrize("path", service_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_service_imports_nothing_that_only_training_needs(path: Path) -> None:
    roots = {module.partition(".")[0] for module in imported_modules(path)}
    assert not roots & TRAINING_ONLY


def test_every_service_file_has_its_layer() -> None:
    parts = {path.relative_to(SERVICE).parts[0].removesuffix(".py") for path in service_files()}
    assert parts - {"__init__"} == set(LAYERS)


@pytest.mark.parametrize("path", service_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_service_imports_point_down_the_layers(path: Path) -> None:
    own = path.relative_to(SERVICE).parts[0].removesuffix(".py")
    if own == "__init__":
        return
    allowed = LAYERS[LAYERS.index(own) :]
    used = {
        layer(module) for module in imported_modules(path) if module.startswith("service.")
    } & set(LAYERS)
    assert used <= set(allowed), f"{own} imports {sorted(used - set(allowed))}"


def test_the_service_loads_without_the_libraries_of_training() -> None:
    check = "import service.__main__, sys; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {module.partition(".")[0] for module in run.stdout.split()}
    assert "service" in loaded
    assert not loaded & TRAINING_ONLY

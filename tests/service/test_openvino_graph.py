"""OpenVINO runs the same graphs, in the precision that the processor computes in."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from relevance import build_reranking_pair
from tiny_models import HIDDEN, MAX_TOKENS, build_tokenizer

from service import backend as backends
from service import openvino_graph
from service.backend import OnnxBackend, open_backend
from service.cpu import lacks_bfloat16, reports_bfloat16
from service.encoding import Encoding
from service.errors import StartupError
from service.model_folder import read_encoder
from service.onnx_graph import CPU, CUDA
from service.openvino_graph import OPENVINO, computes_in_bfloat16
from service.pooling import Pooling
from service.weights import DIGEST_KEY, WEIGHTS, header_digest

WORDS = build_tokenizer().get_vocab_size()


def encodings(count: int) -> list[Encoding]:
    rng = np.random.default_rng(4)
    drawn = []
    for _ in range(count):
        ids = rng.integers(4, WORDS, rng.integers(1, MAX_TOKENS)).astype(np.int32)
        drawn.append(Encoding(ids, np.zeros_like(ids), False, len(ids)))
    return drawn


def cosines(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    return np.einsum("nd,nd->n", left, right) / lengths


@pytest.mark.parametrize(
    ("name", "pooling"), [("encoder", "mean"), ("encoder", "cls"), ("two parts", None)]
)
def test_rows_are_those_of_onnx_runtime_up_to_the_precision(
    encoder_folder: Path, two_part_folder: Path, name: str, pooling: Pooling | None
) -> None:
    encoder = encoder_folder / "onnx" / "model.onnx"
    graph = {"encoder": encoder, "two parts": two_part_folder / "model.onnx"}[name]
    ours = OnnxBackend(graph, pooling=pooling, provider=OPENVINO)
    texts = encodings(30)
    rows = ours.run(texts)
    assert ours.provider == f"OpenVINO {'bf16' if computes_in_bfloat16() else 'f32'}"
    assert cosines(rows, OnnxBackend(graph, pooling=pooling).run(texts)).min() > 0.999
    alone = np.concatenate([ours.run([text]) for text in texts])
    assert cosines(rows, alone).min() > 0.9999
    # A pass does not write over the rows of the one before.
    np.testing.assert_array_equal(ours.run(texts), rows)


def test_a_side_output_ends_each_row(tmp_path: Path) -> None:
    graph = build_reranking_pair(tmp_path) / "model.onnx"
    texts = encodings(9)
    ours = OnnxBackend(graph, pooling=None, side_output="relevance", provider=OPENVINO)
    assert ours.has_side_output
    expected = OnnxBackend(graph, pooling=None, side_output="relevance").run(texts)
    rows = ours.run(texts)
    assert rows.shape == expected.shape
    np.testing.assert_allclose(rows, expected, atol=0.05 * np.abs(expected).max())


def test_token_vectors_are_left_where_they_are_asked_for(encoder_folder: Path) -> None:
    backend = OnnxBackend(encoder_folder / "onnx" / "model.onnx", pooling="mean", provider=OPENVINO)
    (text,) = encodings(1)
    asking = Encoding(text.ids, text.type_ids, False, text.full_length, token_vectors=[])
    backend.run([asking])
    assert asking.token_vectors is not None
    assert asking.token_vectors[0].shape == (len(text), HIDDEN)


@pytest.mark.parametrize("content", [None, b"no graph"])
def test_a_graph_that_cannot_be_read_is_named_in_one_line(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "model.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StartupError, match=r"model\.onnx cannot be loaded: .") as failure:
        OnnxBackend(path, pooling=None, provider=OPENVINO)
    assert "\n" not in str(failure.value)


def test_weights_that_were_written_anew_are_refused() -> None:
    released = Path("models/litotes-small")
    metadata = openvino_graph._metadata(released / "model.onnx")
    assert metadata == {DIGEST_KEY: header_digest(released / WEIGHTS)}


def test_a_graph_that_holds_its_weights_has_no_digest(encoder_folder: Path) -> None:
    assert openvino_graph._metadata(encoder_folder / "onnx" / "model.onnx") == {}


@pytest.mark.parametrize("bfloat16", [True, False])
def test_auto_takes_it_where_the_processor_computes_in_bfloat16(
    encoder_folder: Path, monkeypatch: pytest.MonkeyPatch, bfloat16: bool
) -> None:
    monkeypatch.setattr(openvino_graph, "computes_in_bfloat16", lambda: bfloat16)
    spec = read_encoder(encoder_folder, "name", None)
    backend = open_backend(spec, device="auto", pooling="mean", intra_op_num_threads=1)
    assert backend.provider == ("OpenVINO bf16" if bfloat16 else CPU)


def numbers_held(model: Any) -> Counter[str]:  # noqa: ANN401 - a library without types
    held: Counter[str] = Counter()
    for node in model.get_ops():
        if node.get_type_name() == "Constant" and node.data.size > HIDDEN:
            held[node.get_element_type().get_type_name()] += node.data.size
    return held


def test_float32_weights_are_held_in_half_precision(encoder_folder: Path) -> None:
    model = openvino_graph._core().read_model(str(encoder_folder / "onnx" / "model.onnx"))
    before = numbers_held(model)
    openvino_graph._halve(model)
    after = numbers_held(model)
    assert before["f32"] > 0
    assert (after["f16"], after["f32"]) == (before["f32"], 0)


def test_a_version_that_cannot_halve_them_serves_them_as_they_are(
    encoder_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = openvino_graph._core().read_model(str(encoder_folder / "onnx" / "model.onnx"))
    before = numbers_held(model)
    monkeypatch.setitem(sys.modules, "openvino._offline_transformations", None)
    openvino_graph._halve(model)
    assert numbers_held(model) == before


@pytest.mark.parametrize(("given", "kept"), [(None, "128"), ("7", "7")])
def test_what_onednn_keeps_is_bounded_unless_the_operator_says_otherwise(
    given: str | None, kept: str
) -> None:
    name = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
    environment = {key: value for key, value in os.environ.items() if key != name}
    if given is not None:
        environment[name] = given
    command = "import os; from service import openvino_graph as graph; graph._core()"
    done = subprocess.run(
        [sys.executable, "-c", f"{command}; print(os.environ[{name!r}])"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == kept


LOADED_BY_OPENVINO = """
import sys
from pathlib import Path
from service.backend import open_backend
from service.model_folder import read_encoder
from service.onnx_graph import has_cuda
spec = read_encoder(Path(sys.argv[1]), "name", None)
open_backend(spec, device="openvino", pooling="mean", intra_op_num_threads=1)
has_cuda()
print(int("onnxruntime" in sys.modules), int("openvino" in sys.modules))
"""


def test_a_process_whose_graphs_run_in_it_does_not_hold_onnx_runtime(encoder_folder: Path) -> None:
    command = [sys.executable, "-c", LOADED_BY_OPENVINO, str(encoder_folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    held = int(CUDA in onnxruntime.get_available_providers())
    assert done.stdout.split() == [str(held), "1"]


def test_a_fallback_is_announced(
    encoder_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(path: Path, threads: int) -> None:
        raise StartupError("it has no such operator")

    monkeypatch.setattr(openvino_graph, "computes_in_bfloat16", lambda: True)
    monkeypatch.setattr(backends, "OpenVinoGraph", fail)
    spec = read_encoder(encoder_folder, "name", None)
    backend = open_backend(spec, device="auto", pooling="mean", intra_op_num_threads=1)
    assert backend.provider == CPU
    assert "OpenVINO does not run here: it has no such operator" in caplog.text


def test_where_it_is_not_installed_the_processor_is_said_to_have_more(
    encoder_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(openvino_graph, "is_installed", lambda: False)
    monkeypatch.setattr(backends, "reports_bfloat16", lambda: True)
    spec = read_encoder(encoder_folder, "name", None)
    with caplog.at_level(logging.INFO):
        backend = open_backend(spec, device="auto", pooling="mean", intra_op_num_threads=1)
    assert backend.provider == CPU
    assert "pip install openvino" in caplog.text
    with pytest.raises(StartupError, match="OpenVINO is not installed"):
        open_backend(spec, device="openvino", pooling="mean", intra_op_num_threads=1)


@pytest.mark.parametrize(
    ("content", "reports", "lacks"),
    [
        ("processor : 0\nflags : fpu avx512_bf16 sse\n", True, False),
        ("flags : amx_bf16 amx_tile\n", True, False),
        ("flags : fpu avx512f\n", False, True),
        ("Features : asimd bf16\n", False, False),
        (None, False, False),
    ],
)
def test_the_processors_flags_are_read(
    tmp_path: Path, content: str | None, reports: bool, lacks: bool
) -> None:
    path = tmp_path / "cpuinfo"
    if content is not None:
        path.write_text(content)
    assert reports_bfloat16(path) is reports
    assert lacks_bfloat16(path) is lacks

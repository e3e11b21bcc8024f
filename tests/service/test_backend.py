"""A real session on tiny graphs."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from relevance import build_reranking_pair
from tiny_models import GENERAL, HIDDEN, MAX_TOKENS, POLARITY, RELATIONS, WEIGHT, build_tokenizer

from service import onnx_graph
from service.backend import OnnxBackend, open_backend
from service.encoding import Encoding
from service.errors import StartupError
from service.model_folder import read_encoder
from service.onnx_graph import CPU, CUDA
from service.pooling import Pooling

WORDS = build_tokenizer().get_vocab_size()


def broken(folder: Path, name: str = "model.onnx") -> Path:
    path = folder / name
    path.write_bytes(b"no graph")
    return path


def encoding(*ids: int) -> Encoding:
    types = [0] * (len(ids) // 2) + [1] * (len(ids) - len(ids) // 2)
    return Encoding(np.array(ids, np.int32), np.array(types, np.int32), False, len(ids))


def some_encodings(count: int) -> list[Encoding]:
    chance = random.Random(4)
    lengths = [chance.randint(1, MAX_TOKENS) for _ in range(count)]
    return [encoding(*(chance.randrange(4, WORDS) for _ in range(length))) for length in lengths]


@pytest.fixture
def encoder_graph(encoder_folder: Path) -> Path:
    return encoder_folder / "onnx" / "model.onnx"


@pytest.fixture
def graphs(encoder_graph: Path, two_part_folder: Path, pair_folder: Path) -> dict[str, Path]:
    return {
        "mean": encoder_graph,
        "cls": encoder_graph,
        "lasttoken": encoder_graph,
        "two parts": two_part_folder / "model.onnx",
        "pair": pair_folder / "model.onnx",
    }


@pytest.mark.parametrize(
    ("name", "pooling", "width"),
    [
        ("mean", "mean", HIDDEN),
        ("cls", "cls", HIDDEN),
        ("lasttoken", "lasttoken", HIDDEN),
        ("two parts", None, GENERAL + POLARITY),
        ("pair", None, len(RELATIONS)),
    ],
)
def test_a_text_alone_gives_the_row_it_gives_in_a_mixed_batch(
    graphs: dict[str, Path], name: str, pooling: Pooling | None, width: int
) -> None:
    backend = OnnxBackend(graphs[name], pooling=pooling)
    encodings = some_encodings(40)
    together = backend.run(encodings)
    assert together.shape == (40, width)
    assert together.dtype == np.float32
    alone = np.concatenate([backend.run([each]) for each in encodings])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert len(np.unique(together.round(4), axis=0)) > 30, "rows that differ are compared"


def test_what_fills_up_a_batch_makes_no_difference(encoder_graph: Path) -> None:
    encodings = some_encodings(5)
    fillers = [OnnxBackend(encoder_graph, pooling="mean", pad_token_id=n) for n in (0, 3)]
    rows = [backend.run(encodings) for backend in fillers]
    np.testing.assert_array_equal(*rows)


def test_a_two_part_graph_is_taken_as_it_is(two_part_folder: Path) -> None:
    rows = OnnxBackend(two_part_folder / "model.onnx", pooling=None).run(some_encodings(3))
    np.testing.assert_allclose((rows[:, :GENERAL] ** 2).sum(axis=1), 1 - WEIGHT, atol=1e-5)
    np.testing.assert_allclose((rows[:, GENERAL:] ** 2).sum(axis=1), WEIGHT, atol=1e-5)


def test_only_the_inputs_that_the_graph_has_are_given(tmp_path: Path) -> None:
    path = save(tmp_path, inputs=["input_ids"], output=("sentence_embedding", 2))
    assert OnnxBackend(path, pooling=None).run([encoding(5, 6)]).tolist() == [[5, 6]]


def test_positions_count_from_the_start_of_each_text(tmp_path: Path) -> None:
    path = save(tmp_path, inputs=["position_ids", "input_ids"], output=("sentence_embedding", 2))
    rows = OnnxBackend(path, pooling=None).run([encoding(5, 6, 7), encoding(8)])
    assert rows.tolist() == [[0, 1, 2], [0, 1, 2]]


@pytest.mark.parametrize(
    ("make", "pooling", "words"),
    [
        (lambda folder: save(folder, inputs=["input_ids", "pixels"]), None, "pixels"),
        (lambda folder: save(folder, inputs=["attention_mask"]), None, "attention_mask"),
        (lambda folder: save(folder, output=("scores", 2)), "mean", "gives scores"),
        (lambda folder: save(folder, output=("last_hidden_state", 3)), None, "nothing to pool"),
        (lambda folder: folder / "absent.onnx", None, "cannot be loaded"),
        (broken, None, "cannot be loaded"),
    ],
)
def test_a_graph_that_does_not_fit_is_named_in_one_line(
    tmp_path: Path, make: Callable[[Path], Path], pooling: Pooling | None, words: str
) -> None:
    with pytest.raises(StartupError, match=words) as failure:
        OnnxBackend(make(tmp_path), pooling=pooling)
    assert "\n" not in str(failure.value)


def test_a_three_dimensional_output_of_any_name_is_pooled(tmp_path: Path) -> None:
    path = save(tmp_path, output=("some_name", 3))
    assert OnnxBackend(path, pooling="mean").run([encoding(4, 8)]).tolist() == [[6]]


@pytest.mark.parametrize("shape", [("batch", 1), ("batch",)])
def test_a_side_output_ends_each_row(
    pair_folder: Path, tmp_path: Path, shape: tuple[str | int, ...]
) -> None:
    folder = build_reranking_pair(tmp_path, shape=shape)
    encodings = some_encodings(9)
    both = OnnxBackend(folder / "model.onnx", pooling=None, side_output="relevance")
    assert both.has_side_output
    rows = both.run(encodings)
    alone = OnnxBackend(pair_folder / "model.onnx", pooling=None, side_output="relevance")
    assert not alone.has_side_output
    np.testing.assert_allclose(rows[:, :-1], alone.run(encodings), atol=1e-5)
    assert rows.shape == (9, len(RELATIONS) + 1)


def test_a_side_output_that_is_not_asked_for_is_not_run(reranking_folder: Path) -> None:
    backend = OnnxBackend(reranking_folder / "model.onnx", pooling=None)
    assert not backend.has_side_output
    assert backend.run(some_encodings(3)).shape == (3, len(RELATIONS))


def test_a_side_output_of_several_numbers_a_text_is_refused(tmp_path: Path) -> None:
    folder = build_reranking_pair(tmp_path, shape=("batch", 2))
    with pytest.raises(StartupError, match="relevance must hold one number a text"):
        OnnxBackend(folder / "model.onnx", pooling=None, side_output="relevance")


def test_the_cpu_that_is_asked_for_runs(encoder_folder: Path) -> None:
    spec = read_encoder(encoder_folder, "name", None)
    backend = open_backend(spec, device="cpu", pooling="mean", intra_op_num_threads=1)
    assert backend.provider == CPU


@pytest.mark.parametrize(
    ("library", "providers", "found"),
    [
        ("libonnxruntime_providers_cuda.so", [CUDA, CPU], True),
        ("onnxruntime_providers_cuda.dll", [CUDA, CPU], True),
        ("libonnxruntime_providers_cuda.so", [CPU], False),
        ("libonnxruntime_providers_shared.so", [CUDA, CPU], False),
    ],
)
def test_cuda_is_there_where_its_library_is_and_onnx_runtime_names_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    library: str,
    providers: list[str],
    found: bool,
) -> None:
    # An ONNX Runtime built for CUDA, of which the tests' own is none.
    (tmp_path / "capi").mkdir()
    (tmp_path / "capi" / library).touch()
    package = ModuleSpec("onnxruntime", None, is_package=True)
    package.submodule_search_locations = [str(tmp_path)]
    runtime = SimpleNamespace(get_available_providers=lambda: providers)
    monkeypatch.setattr(onnx_graph, "find_spec", lambda _: package)
    monkeypatch.setattr(onnx_graph, "_runtime", lambda: runtime)
    assert onnx_graph.has_cuda() is found


def test_cuda_that_is_asked_for_and_does_not_run_stops_the_start(encoder_folder: Path) -> None:
    spec = read_encoder(encoder_folder, "name", None)
    with pytest.raises(StartupError, match="CUDAExecutionProvider"):
        open_backend(spec, device="cuda", pooling="mean", intra_op_num_threads=1)


def test_a_half_precision_graph_is_left_alone_on_a_cpu(
    encoder_folder: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(encoder_folder, tmp_path / "copy"))
    broken(folder / "onnx", "model_fp16.onnx")
    spec = read_encoder(folder, "name", None)
    assert open_backend(spec, device="cpu", pooling="mean", intra_op_num_threads=1).provider == CPU


def save(
    folder: Path,
    *,
    inputs: list[str] | None = None,
    output: tuple[str, int] = ("sentence_embedding", 2),
) -> Path:
    """A graph that gives its first input as numbers, with as many axes as asked for."""
    inputs = inputs or ["input_ids", "attention_mask"]
    name, rank = output
    nodes = [helper.make_node("Cast", [inputs[0]], ["numbers"], to=TensorProto.FLOAT)]
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [2])
    kind, more = ("Identity", []) if rank == 2 else ("Unsqueeze", ["axes"])
    nodes.append(helper.make_node(kind, ["numbers", *more], [name]))
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info(i, TensorProto.INT64, ["batch", "tokens"]) for i in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", "tokens", 1][:rank])],
        [axes],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path = folder / "small.onnx"
    onnx.save(model, str(path))
    return path

"""Model folders that are damaged are refused at the start, in one line; read-only ones serve."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from program import address_of, program

from service.encoder import Encoder
from service.errors import StartupError
from service.metrics import Metrics
from service.settings import Settings

pytestmark = pytest.mark.anyio

GRAPH = Path("onnx", "model.onnx")


def truncate(name: str | Path) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return damage


def remove(name: str | Path) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def empty(name: str | Path) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(b"")


def turn_weights(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], None]:
    """Change every weight of the graph that is a floating-point number."""

    def damage(folder: Path) -> None:
        model = onnx.load(folder / GRAPH)
        for tensor in model.graph.initializer:
            values = numpy_helper.to_array(tensor)
            if values.dtype == np.float32:
                tensor.CopyFrom(numpy_helper.from_array(change(values), tensor.name))
        onnx.save(model, folder / GRAPH)

    return damage


def forget_places(folder: Path) -> None:
    """Let the folder promise longer texts than the graph has places for."""
    for name in ("config.json", "sentence_bert_config.json"):
        content = json.loads((folder / name).read_text())
        for key in ("max_position_embeddings", "max_seq_length"):
            if key in content:
                content[key] = 4096
        (folder / name).write_text(json.dumps(content))


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(truncate(GRAPH), id="graph truncated"),
        pytest.param(empty(GRAPH), id="graph empty"),
        pytest.param(remove(GRAPH), id="graph missing"),
        pytest.param(turn_weights(lambda values: values.astype(np.float64)), id="wrong dtype"),
        pytest.param(turn_weights(lambda values: values * np.nan), id="weights not finite"),
        pytest.param(forget_places, id="longer than the graph"),
        pytest.param(truncate("tokenizer.json"), id="tokenizer truncated"),
        pytest.param(remove("tokenizer.json"), id="tokenizer missing"),
        pytest.param(truncate("config.json"), id="config truncated"),
        pytest.param(truncate("modules.json"), id="modules truncated"),
    ],
)
async def test_a_damaged_folder_is_refused_in_one_line_that_names_it(
    encoder_folder: Path,
    tmp_path: Path,
    executor: ThreadPoolExecutor,
    damage: Callable[[Path], None],
) -> None:
    folder = Path(shutil.copytree(encoder_folder, tmp_path / "damaged"))
    damage(folder)
    with pytest.raises(StartupError) as refusal:
        async with Encoder.open(Settings(model=folder, device="cpu"), executor, Metrics()):
            pass
    message = str(refusal.value)
    assert str(folder) in message
    assert "\n" not in message


def test_a_full_disk_and_a_read_only_folder_do_not_matter(
    settings: Settings, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(settings.model, tmp_path / "read-only"))
    for path in (*folder.rglob("*"), folder):
        path.chmod(0o555 if path.is_dir() else 0o444)
    # A process that may write no byte to any file, as on a disk that is full.
    starve = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0));"
    starve += "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    arguments = ("-m", "service", "--model", str(folder), "--pair-model", "none", "--port", "0")
    with program(*arguments, script=["-c", starve]) as process:
        answer = httpx.post(f"{address_of(process)}/embed", json={"inputs": "no"})
    assert answer.status_code == 200
    assert len(answer.json()) == 1

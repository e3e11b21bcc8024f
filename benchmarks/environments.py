"""Environments of the peers, and the model that all of them serve."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.server import ROOT

PEERS = Path(__file__).parent / "peers"
MAX_TOKENS = 512  # all positions that the base encoder has, so that no passage is cut


class SetupFailed(Exception):
    """An environment or the model could not be made."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment made from a list of pins.

    Attributes:
        name: That of the list in `peers/`.
    """

    name: str

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return ROOT / f".venv-bench-{self.name}"

    def program(self, name: str) -> str:
        """Return the path of one of its programs."""
        return str(self.folder / "bin" / name)

    @property
    def requirements(self) -> Path:
        """Its pins."""
        return PEERS / f"{self.name}.txt"

    def make(self) -> None:
        """Make it, unless it is there with these pins.

        Set `TORCH_INDEX` to an index that has a smaller build of torch than PyPI's.

        Raises:
            SetupFailed: A package cannot be installed.
        """
        stamp = self.folder / ".installed"
        digest = hashlib.sha256(self.requirements.read_bytes()).hexdigest()
        if stamp.is_file() and stamp.read_text() == digest:
            return
        print(f"making {self.folder.name} (once; some minutes)", flush=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        index = os.environ.get("TORCH_INDEX")
        install = [self.program("python"), "-m", "pip", "install", "--quiet"]
        for command in (
            [sys.executable, "-m", "venv", str(self.folder)],
            [*install, *_torch_pin(), *(["--extra-index-url", index] if index else [])],
            [*install, "-r", str(self.requirements)],
        ):
            run_tool(command)
        stamp.write_text(digest)


def _torch_pin() -> list[str]:
    """The torch that the project itself trains with."""
    pins = (ROOT / "deploy" / "constraints" / "dev.txt").read_text().splitlines()
    return [pin for pin in pins if pin.startswith("torch==")]


def run_tool(command: list[str]) -> None:
    """Run a command to its end.

    Raises:
        SetupFailed: It failed; the message ends with what it said last.
    """
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise SetupFailed(f"{' '.join(command[:5])} ... failed: {lines[-1]}")


def export_base(folder: Path) -> Path:
    """Export the base encoder to a folder that all servers load, unless it is there.

    The weights are those of all-MiniLM-L6-v2 in float32, once as safetensors and once as ONNX.

    Raises:
        SetupFailed: It cannot be exported.
    """
    if (folder / "model.onnx").is_file():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    print(f"exporting the base encoder to {folder} (once)", flush=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        staged = Path(name) / "model"
        run_tool([sys.executable, "-m", "benchmarks.base_export", str(staged)])
        _use_all_positions(staged)
        shutil.rmtree(folder, ignore_errors=True)
        staged.rename(folder)
    return folder


def _use_all_positions(folder: Path) -> None:
    for name, key in (
        ("sentence_bert_config.json", "max_seq_length"),
        ("tokenizer_config.json", "model_max_length"),
    ):
        path = folder / name
        path.write_text(json.dumps({**json.loads(path.read_text()), key: MAX_TOKENS}, indent=2))

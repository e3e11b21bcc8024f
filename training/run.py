"""What every stage needs around its work: its command line, its folder, its figures as JSON."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from service.errors import StartupError


def run_stage(name: str, description: str, stage: Callable[[Path], Any]) -> None:
    """Run a stage on the experiment file that the command line names.

    A configuration or a file that is wrong ends the command with one line, not a traceback.

    Args:
        name: The module, as in `python -m <name>`.
        description: What the stage does, for `--help`.
        stage: Takes the path of the experiment file.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m {name}",
        description=description,
        epilog=f"Example: python -m {name} training/experiments/encoder.toml",
    )
    parser.add_argument("experiment", type=Path, help="experiment file (TOML)")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        stage(parser.parse_args().experiment)
    except (ValueError, OSError, StartupError) as error:
        sys.exit(f"{name}: {error}")


def pin_configuration(config: Any, folder: Path) -> None:
    """Keep the configuration beside the run, and refuse to mix two in one folder.

    Raises:
        ValueError: The folder holds a run with another configuration.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "config.json"
    text = json.dumps(asdict(config), indent=2, default=str) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise ValueError(f"{path} is of another configuration: name the run anew or remove it")
    path.write_text(text, encoding="utf-8")


def best_checkpoint(run: Path) -> Path:
    """The checkpoint that a run chose.

    Raises:
        FileNotFoundError: The run has not ended yet.
    """
    best = run / "best"
    if not best.is_dir():
        raise FileNotFoundError(f"{best} does not exist: train first")
    return best


def history(run: Path) -> list[dict[str, Any]]:
    """Configuration and dev figures of a run, after those of the run that it went on from."""
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    start = config.get("start") or config.get("model", {}).get("start")
    log = (run / "eval/dev.jsonl").read_text(encoding="utf-8").splitlines()
    this = {"config": config, "dev": [json.loads(line) for line in log]}
    return [*(history(Path(start).parent) if start else []), this]


def write_json(path: Path, content: Any) -> None:
    """Write JSON as people read it."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def replaces(path: Path, figures: dict[str, Any]) -> bool:
    """Whether figures may take the place of a file: it has none that they lack.

    A machine without the public sets measures less, and must not make a released card poorer.
    """
    if not path.exists():
        return True
    return names(json.loads(path.read_text(encoding="utf-8"))) <= names(figures)


def keep_figures(path: Path, figures: dict[str, Any]) -> bool:
    """Write figures unless the file has some that they lack, and tell whether they were written."""
    if not replaces(path, figures):
        print(f"{path} has figures that this run lacks: it and the card stay as they are.")
        return False
    write_json(path, figures)
    return True


def names(figures: dict[str, Any], prefix: str = "") -> set[str]:
    """The dotted names of all figures in nested tables."""
    found: set[str] = set()
    for name, value in figures.items():
        found |= names(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name}
    return found


def processes() -> int:
    """How many processes `torchrun` or `accelerate` started; each takes a batch a step."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main_process() -> bool:
    """Whether this process is the one that writes files."""
    return os.environ.get("RANK", "0") == "0"


def has_bfloat16() -> bool:
    """Whether this processor or GPU multiplies in bfloat16 faster than in float32."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    flags = Path("/proc/cpuinfo")
    text = flags.read_text(encoding="utf-8") if flags.exists() else ""
    return "avx512_bf16" in text or "amx_bf16" in text

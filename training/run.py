"""What every stage needs around its work: its command line, its folder, its figures as JSON."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from service.errors import StartupError

# Digits after the point of a figure in a run's history.
DIGITS = 5


def run_stage(
    name: str,
    description: str,
    stage: Callable[..., Any],
    *,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    example: str = "training/experiments/encoder-a.toml",
    optional: bool = False,
) -> None:
    """Run a stage on the experiment file that the command line names.

    A configuration or a file that is wrong ends the command with one line, not a traceback.

    Args:
        name: The module, as in `python -m <name>`.
        description: What the stage does, for `--help`.
        stage: Takes the path of the experiment file, and each option by its name.
        options: Further arguments of the command line, each with what argparse is to know of it.
        example: Arguments of a call, for `--help`.
        optional: Whether the experiment file may be left out; the stage gets None then.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m {name}",
        description=description,
        epilog=f"Example: python -m {name} {example}",
    )
    parser.add_argument(
        "experiment", type=Path, nargs="?" if optional else None, help="experiment file (TOML)"
    )
    for option, settings in (options or {}).items():
        parser.add_argument(option, **settings)

    def on_experiment(experiment: Path | None, **others: Any) -> None:
        stage(experiment, **others)

    run_parsed(name, parser, on_experiment)


def run_parsed(name: str, parser: argparse.ArgumentParser, stage: Callable[..., Any]) -> None:
    """Run a stage on what the command line says; a fault ends it with one line, not a traceback.

    Args:
        name: The module, as in `python -m <name>`.
        parser: Knows the arguments.
        stage: Takes each of them by its name.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    # Each request, and each retry, would be a line between the progress bar's.
    for client in ("httpx", "httpx2", "openai"):
        logging.getLogger(client).setLevel(logging.WARNING)
    try:
        stage(**vars(parser.parse_args()))
    except (ValueError, OSError, StartupError) as error:
        sys.exit(f"{name}: {error}")


def pin_configuration(config: Any, folder: Path) -> None:
    """Keep the configuration beside the run, and refuse to mix two in one folder.

    Raises:
        ValueError: The folder holds a run with another configuration.
    """
    check_configuration(config, folder)
    if is_main_process():
        folder.mkdir(parents=True, exist_ok=True)
        # In one move, or another process of the run could read half of it.
        unfinished = folder / "config.json.part"
        unfinished.write_text(written(config), encoding="utf-8")
        unfinished.replace(folder / "config.json")


def check_configuration(config: Any, folder: Path) -> None:
    """Refuse a folder that holds a run with another configuration.

    Raises:
        ValueError: It does; the message names the file.
    """
    path = folder / "config.json"
    if path.exists() and not is_run_of(config, folder):
        raise ValueError(f"{path} is of another configuration: name the run anew or remove it")


def is_run_of(config: Any, folder: Path) -> bool:
    """Whether a folder holds a run with this configuration."""
    path = folder / "config.json"
    if not path.exists():
        return False
    found = json.loads(path.read_text(encoding="utf-8"))
    return without_off(found) == without_off(json.loads(written(config)))


def written(config: Any) -> str:
    """The text of a run's `config.json`."""
    return json.dumps(asdict(config), indent=2, default=str) + "\n"


def without_off(table: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is off: an option that came later does not make a run another one."""
    nested = {
        key: without_off(value) if isinstance(value, dict) else value
        for key, value in table.items()
    }
    return {key: value for key, value in nested.items() if not is_off(value)}


def is_off(value: Any) -> bool:
    """Whether a setting says nothing; the number 0 does say something."""
    return value is None or value is False or value in ([], {})


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
    """Configuration and dev figures of a run, after those of the runs that it went on from."""
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    starts = config.get("start") or config.get("model", {}).get("start") or []
    before = [starts] if isinstance(starts, str) else starts
    log = (run / "eval/dev.jsonl").read_text(encoding="utf-8").splitlines()
    this = {"config": config, "dev": [json.loads(line, parse_float=shortened) for line in log]}
    earlier = [without_sweep(entry) for start in before for entry in history_of(Path(start))]
    # Two runs from one start have the same history: told once.
    return [*(entry for number, entry in enumerate(earlier) if entry not in earlier[:number]), this]


def history_of(start: Path) -> list[dict[str, Any]]:
    """The history of what a run went on from: a checkpoint of another run, or a model folder."""
    released = start / "training.json"
    if not released.exists():
        return history(start.parent)
    entries: list[dict[str, Any]] = json.loads(
        released.read_text(encoding="utf-8"), parse_float=shortened
    )
    return entries


def without_sweep(entry: dict[str, Any]) -> dict[str, Any]:
    """An earlier run without its figures at every weight, for which a folder has no room."""
    dev = [{name: it for name, it in look.items() if name != "sweep"} for look in entry["dev"]]
    return {**entry, "dev": dev}


def shortened(number: str) -> float:
    """A figure to a thousandth of a percent: a model folder has no room for seventeen digits."""
    return round(float(number), DIGITS)


def write_json(path: Path, content: Any) -> None:
    """Write JSON as people read it."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def write_records(path: Path, records: Iterable[Any]) -> None:
    """Write a JSON list with a record a line: indented, long ones would take half again as much."""
    lines = ",\n".join(json.dumps(record) for record in records)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


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
    import torch  # noqa: PLC0415 - slow to import, and not every stage needs it

    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    flags = Path("/proc/cpuinfo")
    text = flags.read_text(encoding="utf-8") if flags.exists() else ""
    return "avx512_bf16" in text or "amx_bf16" in text

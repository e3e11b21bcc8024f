"""Model cards, rendered from the JSON that the stages left: no figure is written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from training.config import ExperimentConfig
from training.pair.config import PairConfig

TEMPLATES = Path(__file__).parent / "cards"


def write_encoder(config: ExperimentConfig) -> Path:
    """Write the encoder's README.md from its evaluation, parity and training figures."""
    folder = config.output
    return render(
        "encoder.md.j2",
        folder,
        config=config,
        evaluation=read(folder / "evaluation.json"),
        parity=read(folder / "parity.json"),
        runs=[run["config"] for run in read(folder / "training.json")],
    )


def write_pair(config: PairConfig) -> Path:
    """Write the discriminator's README.md from its evaluation, calibration and parity figures."""
    folder = config.output
    return render(
        "pair.md.j2",
        folder,
        config=config,
        evaluation=read(folder / "evaluation.json"),
        parity=read(folder / "parity.json"),
        calibration=read(folder / "calibration.json"),
        runs=[run["config"] for run in read(folder / "training.json")],
    )


def render(template: str, folder: Path, **values: Any) -> Path:
    """Fill a template in; a value that is missing is an error, not a blank."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["percent"] = lambda value: f"{100 * value:.1f}"
    path = folder / "README.md"
    path.write_text(environment.get_template(template).render(**values), encoding="utf-8")
    return path


def read(path: Path) -> Any:
    """Read a stage's figures."""
    return json.loads(path.read_text(encoding="utf-8"))

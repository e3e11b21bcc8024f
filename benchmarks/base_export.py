"""Exports the base encoder to ONNX: `python -m benchmarks.base_export folder`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from optimum.exporters.onnx import main_export

from training import base


def main(folder: Path) -> None:
    """Copy the sentence-transformers folder and put the graph of its token vectors beside it."""
    source = base.folder("all-MiniLM-L6-v2")
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns(".git*", "README.md"))
    exported = folder.with_name("exported")
    main_export(
        source,
        exported,
        task="feature-extraction",
        library_name="transformers",  # else the graph pools too, and lacks what infinity asks for
        opset=18,
        do_validation=False,
    )
    # At the top, where Litotes and infinity's ONNX engine both find it.
    for file in exported.glob("model.onnx*"):
        shutil.move(file, folder / file.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""The service with an engine that fails as it is told.

`python tests/faults/faulty.py MODE_FILE [options of the service]`: the file holds one word, which
is read before each forward pass, so that a test can change it while the service runs.

- `none`: as ever, but a text with the word `mortality` makes its pass fail, and the row of one with
  the word `hotel` is not finite.
- `raise`: every pass fails.
- `nan`: no row is finite.
- `hang`: a pass does not end before the word is another one.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from service.__main__ import main
from service.backend import OnnxBackend
from service.encoding import Encoding

POISON, NOT_FINITE = "mortality", "hotel"


def fail_as_told(mode: Path, vocabulary: dict[str, int]) -> None:
    """Put the faults into the engine of this process."""
    run = OnnxBackend.run

    def run_faultily(backend: OnnxBackend, encodings: Sequence[Encoding]) -> np.ndarray:
        while mode.read_text() == "hang":
            time.sleep(0.01)
        told = mode.read_text()
        if told == "raise" or any(vocabulary[POISON] in encoding.ids for encoding in encodings):
            raise RuntimeError("out of memory at 0xdeadbeef")
        rows = run(backend, encodings)
        for row, encoding in zip(rows, encodings, strict=True):
            if told == "nan" or vocabulary[NOT_FINITE] in encoding.ids:
                row[0] = np.nan
        return rows

    OnnxBackend.run = run_faultily


if __name__ == "__main__":
    mode_file, *options = sys.argv[1:]
    folder = Path(options[options.index("--model") + 1])
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    fail_as_told(Path(mode_file), tokenizer["model"]["vocab"])
    sys.exit(main(options))

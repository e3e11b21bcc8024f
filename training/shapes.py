"""What a shape of the encoder costs: `python -m training.shapes`.

Each shape is exported from the base encoder without training and run by the service's own code.
What a shape is worth is another question, and `training.ablate` answers it.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from service.errors import StartupError
from service.weights import WEIGHTS
from training import base, storage
from training.run import write_json
from training.serving import ServedEncoder
from training.shape_folder import Shape, write_shape

BASE = "all-MiniLM-L6-v2"
OUTPUT = Path("training/shapes.json")
ROUNDS = 9

# About 20 tokens each; a text is one to six of them.
TEXTS = 96
SENTENCES_A_TEXT = 6
SENTENCES = (
    "The night train to the coast was late again because a tree fell near the second tunnel.",
    "Nobody has repaired the lift in the north wing, so the archive is reached by the stairs.",
    "Our recipe needs two ripe tomatoes, a spoon of oil and a little patience, but no sugar.",
    "The committee did not reject the plan; it asked for another survey of the river bank.",
    "Sensors on the roof report the wind every ten seconds, even when the main power has failed.",
    "A short walk behind the mill leads past three ponds, an orchard and a wall without any gate.",
    "The second trial found hardly any difference between the two doses in patients over seventy.",
    "Members may borrow up to five books, except for atlases, which stay in the reading room.",
    "When the valve is closed, pressure rises slowly until the red lamp above the panel lights up.",
    "Few of the older houses have a cellar, since the ground under the village is mostly wet.",
    "The update fixed the crash on startup, yet large files still cannot be opened from a share.",
)

Seconds = NDArray[np.float64]

SHAPES = (
    Shape(),
    *(Shape(shared_layers, 384) for shared_layers in (4, 2, 1, 0)),
    *(Shape(2, polarity_dimensions) for polarity_dimensions in (128, 64)),
)


@dataclass(frozen=True)
class Cost:
    """What a shape costs.

    Args:
        shape: Its name.
        parameters: Numbers in its weights.
        weights_mb: Size of the weights in half precision, in millions of bytes.
        dimensions: Numbers of a vector.
        vector_bytes_float32: Bytes of a vector in float32.
        vector_bytes_float16: Bytes of a vector in half precision.
        tokens_per_second: From texts to unit vectors, the median of the rounds.
        relative_speed: Tokens a second as a share of the first shape's in the same round, the
            median of the rounds.
    """

    shape: str
    parameters: int
    weights_mb: float
    dimensions: int
    vector_bytes_float32: int
    vector_bytes_float16: int
    tokens_per_second: float
    relative_speed: float


def main(
    base_name: str, *, rounds: int, output: Path, shapes: Sequence[Shape] = SHAPES
) -> dict[str, Any]:
    """Export and time the shapes, and write the figures.

    Args:
        base_name: A name that `training.base` knows, a folder, or a hub id.
        rounds: How often each shape is timed.
        output: The JSON file to write.
        shapes: What to compare; speeds are given as shares of the first one's.

    Returns:
        What was written.

    Raises:
        ValueError: There is no round, or a shape does not fit the base.
        OSError: The base is not to be had.
    """
    if rounds < 1:
        raise ValueError("rounds must be at least 1")
    with tempfile.TemporaryDirectory() as name:
        figures = measure(base.folder(base_name), shapes, rounds=rounds, folder=Path(name))
    figures = {"base": base_name, **figures}
    write_json(output, figures)
    return figures


def measure(
    base_folder: str, shapes: Sequence[Shape], *, rounds: int, folder: Path
) -> dict[str, Any]:
    """Export the shapes under a folder and time them side by side."""
    folders = [folder / str(number) for number in range(len(shapes))]
    for shape, target in zip(tqdm(shapes, desc="Exporting", leave=False), folders, strict=True):
        write_shape(base_folder, shape, target)
    texts = sample_texts()
    encoders = [ServedEncoder(target) for target in folders]
    seconds = time_rounds([partial(encoder, texts) for encoder in encoders], rounds)
    tokens = count_tokens(encoders[0], texts)
    costs = [
        cost(shape, encoder, speeds=tokens / row, relative=seconds[0] / row)
        for shape, encoder, row in zip(shapes, encoders, seconds, strict=True)
    ]
    return {
        "threads": encoders[0].backend.threads,
        "texts": len(texts),
        "tokens": tokens,
        "rounds": rounds,
        "shapes": [asdict(item) for item in costs],
    }


def sample_texts() -> list[str]:
    """The texts that every shape encodes: about 20 to 120 tokens, the same at every call."""
    return [
        " ".join(
            SENTENCES[(start + offset) % len(SENTENCES)]
            for offset in range(1 + start % SENTENCES_A_TEXT)
        )
        for start in range(TEXTS)
    ]


def count_tokens(encoder: ServedEncoder, texts: Sequence[str]) -> int:
    """Tokens that the encoder runs for the texts, special tokens included and padding not."""
    encodings = asyncio.run(encoder.tokenizer.encode(texts, truncate=True))
    return sum(len(encoding) for encoding in encodings)


def time_rounds(runs: Sequence[Callable[[], object]], rounds: int) -> Seconds:
    """Time each run once a round, one after the other, so that a slow spell meets all of them.

    Returns:
        Seconds, (runs, rounds), after a round that is not counted.
    """
    seconds = np.empty((len(runs), rounds + 1))
    for number in tqdm(range(rounds + 1), desc="Rounds", leave=False):
        for row, run in zip(seconds, runs, strict=True):
            started = time.perf_counter()
            run()
            row[number] = time.perf_counter() - started
    return seconds[:, 1:]


def cost(shape: Shape, encoder: ServedEncoder, *, speeds: Seconds, relative: Seconds) -> Cost:
    """Put a shape's figures together.

    Args:
        shape: The shape.
        encoder: Runs its folder.
        speeds: Tokens a second, by round.
        relative: The same as a share of the first shape's.
    """
    weights = encoder.spec.folder / WEIGHTS
    _, shapes = storage.read_header(weights)
    dimensions = encoder(SENTENCES[:1]).shape[1]
    return Cost(
        shape=shape.name,
        parameters=sum(math.prod(lengths) for lengths in shapes.values()),
        weights_mb=round(weights.stat().st_size / 1e6, 1),
        dimensions=dimensions,
        vector_bytes_float32=4 * dimensions,
        vector_bytes_float16=2 * dimensions,
        tokens_per_second=round(float(np.median(speeds))),
        relative_speed=round(float(np.median(relative)), 3),
    )


def print_table(figures: dict[str, Any]) -> None:
    """Print the figures, a shape a line."""
    print(
        f"{'shape':<24}{'parameters':>12}{'weights MB':>12}{'vector bytes':>14}{'in half':>9}"
        f"{'tokens/s':>10}{'to the base':>13}"
    )
    for row in figures["shapes"]:
        print(
            f"{row['shape']:<24}{row['parameters']:>12,}{row['weights_mb']:>12.1f}"
            f"{row['vector_bytes_float32']:>14,}{row['vector_bytes_float16']:>9,}"
            f"{row['tokens_per_second']:>10,}{row['relative_speed']:>13.2f}"
        )


def run(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m training.shapes",
        description="Measure what shapes of the encoder cost: weights, vectors, tokens a second.",
        epilog=f"Example: python -m training.shapes --rounds {ROUNDS} --output {OUTPUT}",
    )
    parser.add_argument("--base", default=BASE, help="base encoder (default: %(default)s)")
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help="timings of each shape (default: %(default)s)"
    )
    parser.add_argument(
        "--output", type=Path, default=OUTPUT, help="JSON to write (default: %(default)s)"
    )
    chosen = parser.parse_args(arguments)
    try:
        print_table(main(chosen.base, rounds=chosen.rounds, output=chosen.output))
    except (ValueError, OSError, StartupError) as error:
        sys.exit(f"training.shapes: {error}")


if __name__ == "__main__":
    run()

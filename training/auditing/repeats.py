"""Rows that nearly repeat another row, a row of the other split, or a text of another file."""

from __future__ import annotations

import gzip
import json
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, cast

from training.auditing.rows import SPLITS, Row
from training.distil.harvest import strings
from training.near_duplicates import Likeness, NearDuplicates

# Pairs that are written out, the most alike first.
SHOWN = 20
# Texts of other files have no row.
OUTSIDE = -1


@dataclass(frozen=True)
class Place:
    """Where a text is from.

    Args:
        source: `train`, `dev` or the name of a file.
        row: Index of its row, or `OUTSIDE`.
        name: The row's id and the text's role, or the number of the text in the file.
        text: The text.
    """

    source: str
    row: int
    name: str
    text: str


def repeats(
    rows: Sequence[Row], others: Mapping[str, Sequence[str]], likeness: Likeness
) -> dict[str, Any]:
    """Count and show the near-duplicates between rows, by what they lie between.

    Args:
        rows: All rows; texts of one row are not compared.
        others: Texts of further files, by their name.
        likeness: What counts as a near-duplicate.
    """
    places = [*places_of(rows), *outside(others)]
    pairs = NearDuplicates(likeness).pairs(
        [place.text for place in places], [place.row for place in places]
    )
    found: dict[tuple[str, str], list[tuple[float, Place, Place]]] = {}
    for pair in sorted(pairs, key=lambda pair: (-pair.similarity, pair.first, pair.second)):
        first, second = places[pair.first], places[pair.second]
        entry = (pair.similarity, first, second)
        found.setdefault((first.source, second.source), []).append(entry)
    return {
        "within train": told(found, [("train", "train")]),
        "within dev": told(found, [("dev", "dev")]),
        "train and dev": told(found, [("train", "dev"), ("dev", "train")]),
        "against": {name: told(found, [(split, name) for split in SPLITS]) for name in others},
    }


def told(
    found: Mapping[tuple[str, str], list[tuple[float, Place, Place]]],
    between: Sequence[tuple[str, str]],
) -> dict[str, Any]:
    """Pairs of texts, rows concerned, and the most alike."""
    entries = [entry for key in between for entry in found.get(key, [])]
    entries.sort(key=lambda entry: -entry[0])
    rows = {place.row for _, *both in entries for place in both} - {OUTSIDE}
    return {
        "pairs": len(entries),
        "rows": len(rows),
        "most_alike": [
            {
                "similarity": round(similarity, 4),
                "first": first.name,
                "second": second.name,
                "texts": [first.text, second.text],
            }
            for similarity, first, second in entries[:SHOWN]
        ],
    }


def places_of(rows: Sequence[Row]) -> Iterator[Place]:
    """Every text of the rows."""
    for index, row in enumerate(rows):
        for item in row.texts:
            yield Place(row.split, index, f"{row.id} {item.role}", item.text)


def outside(others: Mapping[str, Sequence[str]]) -> Iterator[Place]:
    """Every text of the other files; their order follows that of the rows."""
    for name, texts in others.items():
        for number, text in enumerate(texts, start=1):
            yield Place(name, OUTSIDE, f"text {number}", text)


def add_against(parser: ArgumentParser) -> None:
    """Give a command the option that names files for `read_files`."""
    parser.add_argument(
        "--against",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="texts that no row should repeat (.jsonl, or a text a line; may be given again)",
    )


def read_files(paths: Sequence[Path]) -> dict[str, list[str]]:
    """The texts of files, by the file's name.

    Raises:
        ValueError: A file has no texts, cannot be read as text, or has a line that is no JSON.
    """
    found = {path.name: list(dict.fromkeys(read_texts(path))) for path in paths}
    for path in paths:
        if not found[path.name]:
            raise ValueError(f"{path} has no texts")
    if len(found) < len(paths):
        raise ValueError("two files to compare with have one name")
    return found


def read_texts(path: Path) -> Iterator[str]:
    """All texts of a JSON Lines file, labels and ids left out, or a text a line; also gzipped."""
    is_json = path.name.removesuffix(".gz").endswith(".jsonl")
    try:
        with opened(path) as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield from texts_in_line(line, f"{path}: line {number}", is_json=is_json)
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text") from None


def opened(path: Path) -> TextIO:
    """A text file, unpacked where its name says so."""
    if path.suffix == ".gz":
        return cast(TextIO, gzip.open(path, "rt", encoding="utf-8"))
    return path.open(encoding="utf-8")


def texts_in_line(line: str, where: str, *, is_json: bool) -> Iterator[str]:
    """The texts of one line."""
    if not is_json:
        yield line.strip()
        return
    try:
        yield from strings([json.loads(line)])
    except json.JSONDecodeError as error:
        raise ValueError(f"{where} is no JSON: {error.msg}") from None

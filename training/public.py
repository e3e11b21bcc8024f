"""Public data sets for training, replay and dev: read locally where present, else from the hub.

They are other people's work under their own licences and are never part of this repository. The
folder is `LITOTES_DATA` (default `../shared/data`). A set that neither the folder nor the hub gives
is left out with a warning, so that the recipe also runs on the distilled corpus alone.
"""

from __future__ import annotations

import gzip
import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

Row = dict[str, Any]


@dataclass(frozen=True)
class HubSource:
    """Where a set lies on the hub, and how its rows become ours.

    Args:
        name: Repository of the data set.
        subset: Its configuration, if it has several.
        split: Which split gives these rows.
        convert: One hub row to ours, or None to skip it.
    """

    name: str
    subset: str | None
    split: str
    convert: Callable[[Row], Row | None]


def labelled(names: tuple[str, ...], first: str, second: str) -> Callable[[Row], Row | None]:
    """Make a converter for pairs whose label is an index into `names`."""

    def convert(row: Row) -> Row | None:
        index = int(row["label"])
        if not 0 <= index < len(names):
            return None
        return {"a": row[first], "b": row[second], "label": names[index]}

    return convert


def scored(row: Row) -> Row:
    """Convert a graded pair whose score is already between 0 and 1."""
    return {"a": row["sentence1"], "b": row["sentence2"], "score": row["score"]}


NLI = ("entailment", "neutral", "contradiction")
STSB = "sentence-transformers/stsb"

# Keyed by the path under LITOTES_DATA. Sets without an entry exist only locally: CANNOT, for one,
# holds rows of NaN-NLI and of the GLUE diagnostics on the hub, on which nothing may be trained. A
# hub set has more rows than the local copy, so a run on it is another run.
HUB: dict[str, HubSource] = {
    "mnli_sample/train": HubSource(
        "nyu-mll/multi_nli", None, "train", labelled(NLI, "premise", "hypothesis")
    ),
    "mnli_sample/dev": HubSource(
        "nyu-mll/multi_nli", None, "validation_matched", labelled(NLI, "premise", "hypothesis")
    ),
    "snli_dev/train": HubSource(
        "stanfordnlp/snli", None, "validation", labelled(NLI, "premise", "hypothesis")
    ),
    "stsb/train": HubSource(STSB, None, "train", scored),
    "stsb/dev": HubSource(STSB, None, "validation", scored),
}


def folder() -> Path:
    """The folder of the local copies."""
    return Path(os.environ.get("LITOTES_DATA", "../shared/data"))


def load(name: str) -> list[Row]:
    """Read a set such as `stsb/train`, or an empty list where it cannot be had.

    Args:
        name: Path of the file under the data folder, without its ending.
    """
    path = folder() / f"{name}.jsonl.gz"
    if path.exists():
        return list(read_gzip(path))
    source = HUB.get(name)
    rows = [] if source is None or os.environ.get("HF_HUB_OFFLINE") == "1" else from_hub(source)
    if not rows:
        logger.warning("%s is neither under %s nor on the hub: left out", name, folder())
    return rows


@cache
def from_hub(source: HubSource) -> list[Row]:
    """Read a hub set once, or nothing where there is no network: that takes long to find out."""
    try:
        return list(read_hub(source))
    except (OSError, ValueError, RuntimeError) as error:
        logger.warning("%s: %s", source.name, error)
        return []


def load_all(names: Iterable[str]) -> list[Row]:
    """Read several sets into one list."""
    return [row for name in names for row in load(name)]


def texts(fields: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Read one field of each of several sets, given as (name, field); none of a set not there."""
    return [[row[field] for row in load(name)] for name, field in fields]


def read_gzip(path: Path) -> Iterator[Row]:
    """Yield the rows of a compressed JSON Lines file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def read_hub(source: HubSource) -> Iterator[Row]:
    """Yield a hub set's rows in our form."""
    from datasets import load_dataset  # noqa: PLC0415 - slow to import, and rarely needed

    for row in load_dataset(source.name, source.subset, split=source.split):
        if (converted := source.convert(row)) is not None:
            yield converted

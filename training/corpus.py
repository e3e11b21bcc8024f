"""The distilled corpus of negation and hedging, under `training/data/`, as typed rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

DATA = Path(__file__).parent / "data"

Split = Literal["train", "dev"]


@dataclass(frozen=True)
class Group:
    """An anchor and texts in a known relation to it.

    `same` is true exactly when the anchor is; `negated` cannot be true together with it; `hedged`
    weakens it to a possibility, report or condition; `neutral` shares its topic only.
    """

    anchor: str
    same: tuple[str, ...]
    negated: tuple[str, ...]
    hedged: tuple[str, ...]
    neutral: tuple[str, ...]


@dataclass(frozen=True)
class Contrast:
    """Two passages alike but for one clause, and a query that each alone meets."""

    query_a: str
    query_b: str
    doc_a: str
    doc_b: str


@dataclass(frozen=True)
class Exclusion:
    """A query that excludes something, passages that respect it and passages that do not.

    `inclusion`, where there is one, asks for just what the query excludes.
    """

    query: str
    relevant: tuple[str, ...]
    violating: tuple[str, ...]
    inclusion: str | None = None


@dataclass(frozen=True)
class Twins:
    """Two queries on one subject, of which each asks for the reverse of the other.

    `excludes` is true where the first excludes what the second asks for, and false where the two
    ask for opposite things. A few of the first deny an exclusion; they count as excluding too.
    """

    query_a: str
    query_b: str
    excludes: bool


def groups(split: Split) -> list[Group]:
    """Read the sentence groups."""
    return [
        Group(
            anchor=row["anchor"],
            same=tuple(item["text"] for item in row["same"]),
            negated=tuple(item["text"] for item in row["negated"]),
            hedged=tuple(item["text"] for item in row["hedged"]),
            neutral=tuple(row["neutral"]),
        )
        for row in read_jsonl(DATA / f"sentence.{split}.jsonl")
    ]


def contrasts(split: Split) -> list[Contrast]:
    """Read the passage contrasts."""
    return [contrast_of(row) for row in read_jsonl(DATA / f"retrieval.{split}.jsonl")]


def wide_contrasts() -> list[Contrast]:
    """Read the passage contrasts by later instructions, of many registers; dev only.

    The dev rows of `contrasts` were written as the first training rows were, so what an encoder has
    learnt of these is worth more there than on a stranger's.
    """
    return [contrast_of(row) for row in read_jsonl(DATA / "wide.dev.jsonl")]


def contrast_of(row: dict[str, Any]) -> Contrast:
    """A row of contrasts as it is written."""
    return Contrast(row["query_a"], row["query_b"], row["doc_a"], row["doc_b"])


def exclusions(split: Split) -> list[Exclusion]:
    """Read the exclusion queries."""
    return [exclusion_of(row) for row in read_jsonl(DATA / f"exclusion.{split}.jsonl")]


def searches() -> list[Exclusion]:
    """Read the exclusion queries that are searched for among the passages of all; dev only.

    They were not written to be hard, as the dev rows of `exclusions` were: what an encoder does to
    them it does to ordinary searches.
    """
    return [exclusion_of(row) for row in read_jsonl(DATA / "searches.dev.jsonl")]


def exclusion_of(row: dict[str, Any]) -> Exclusion:
    """A row of exclusions as it is written."""
    return Exclusion(
        row["query"], tuple(row["relevant"]), tuple(row["violating"]), row.get("inclusion")
    )


def twins() -> list[Twins]:
    """Read the twin queries."""
    return [
        Twins(row["query_a"], row["query_b"], row["pattern"] == "exclusion")
        for row in read_jsonl(DATA / "twins.train.jsonl")
    ]


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSON Lines file."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)

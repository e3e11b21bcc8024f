"""The rows of a corpus as texts with a role, whatever their kind."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_CONTRAST = ("query_a", "query_b", "doc_a", "doc_b")
_TWINS = ("query_a", "query_b")
_EXCLUSION = ("query", "inclusion", "relevant", "violating")
# The fields of each kind that hold text, in the order in which they are told.
ROLES: Mapping[str, tuple[str, ...]] = {
    "sentence": ("anchor", "same", "negated", "hedged", "neutral"),
    "retrieval": _CONTRAST,
    "exclusion": _EXCLUSION,
    "twins": _TWINS,
    "searches": _EXCLUSION,
    "wide": _CONTRAST,
    "edited_queries": _TWINS,
}
OPTIONAL = frozenset(("inclusion",))
SPLITS = ("train", "dev")


@dataclass(frozen=True)
class Text:
    """A text of a row.

    Args:
        role: The field that holds it.
        text: The text.
        pattern: Pattern of negation or hedging, where it has one of its own.
    """

    role: str
    text: str
    pattern: str | None = None


@dataclass(frozen=True)
class Row:
    """A row of any kind.

    Args:
        id: Its name.
        kind: What sort of row it is, one of `ROLES`.
        split: `train` or `dev`.
        texts: All that it holds, in the order of `ROLES`.
    """

    id: str
    kind: str
    split: str
    texts: tuple[Text, ...]

    def of(self, role: str, pattern: str | None = None) -> tuple[str, ...]:
        """The texts of a role, and of one pattern if one is named."""
        return tuple(
            item.text
            for item in self.texts
            if item.role == role and pattern in (None, item.pattern)
        )


def read_rows(folder: Path) -> list[Row]:
    """Read every row of a corpus, kind by kind, train before dev.

    Raises:
        ValueError: There is none, or a line is no row of its kind; the message names the line.
    """
    rows = [
        row
        for kind in ROLES
        for split in SPLITS
        if path_of(folder, kind, split).exists()
        for row in read_file(path_of(folder, kind, split), kind, split)
    ]
    if not rows:
        raise ValueError(f"{folder} has no rows: {', '.join(ROLES)} .train.jsonl or .dev.jsonl")
    return rows


def path_of(folder: Path, kind: str, split: str) -> Path:
    """Where the rows of a kind and a split lie."""
    return folder / f"{kind}.{split}.jsonl"


def read_file(path: Path, kind: str, split: str) -> Iterator[Row]:
    """The rows of a file."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                content = json.loads(line)
                texts = tuple(texts_of(content, kind))
            except json.JSONDecodeError as error:
                raise ValueError(f"{path}: line {number} is no JSON: {error.msg}") from None
            except (KeyError, TypeError) as error:
                raise ValueError(f"{path}: line {number} is no {kind} row: {error}") from None
            yield Row(str(content.get("id", f"{path.name}:{number}")), kind, split, texts)


def texts_of(content: Mapping[str, Any], kind: str) -> Iterator[Text]:
    """The texts of a row as it is written: alone, in lists, or each with its pattern."""
    for role in ROLES[kind]:
        value = content.get(role) if role in OPTIONAL else content[role]
        items = value if isinstance(value, list) else [value] if value is not None else []
        for item in items:
            if isinstance(item, str):
                yield Text(role, item)
            else:
                yield Text(role, item["text"], item["pattern"])

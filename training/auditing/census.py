"""Counts by kind and role: how many texts, how long, with which cues, how near the anchor."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, get_args

import numpy as np

from service.cues import Kind, find_cues
from training.auditing.rows import ROLES, Row
from training.words import overlap, words

HEDGE = "hedge"
PERCENTILES = (5, 25, 50, 75, 95)


def census(rows: Iterable[Row]) -> dict[str, Any]:
    """Everything that is counted, by kind and role; both splits together."""
    texts: dict[tuple[str, str], list[str]] = defaultdict(list)
    overlaps: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        for item in row.texts:
            texts[row.kind, item.role].append(item.text)
            if row.kind == "sentence" and item.role != "anchor":
                overlaps[item.role].append(overlap(row.of("anchor")[0], item.text))
    return {
        "lengths": by_kind(texts, lengths),
        "cues": by_kind(texts, cue_shares),
        "overlap": {role: rounded(np.median(found)) for role, found in overlaps.items()},
    }


def by_kind(texts: dict[tuple[str, str], list[str]], figure: Any) -> dict[str, Any]:
    """A figure of the texts of every role that there is."""
    return {
        kind: {role: figure(texts[kind, role]) for role in roles if (kind, role) in texts}
        for kind, roles in ROLES.items()
        if any((kind, role) in texts for role in roles)
    }


def lengths(texts: Sequence[str]) -> dict[str, float]:
    """Percentiles of the number of words."""
    found = np.percentile([len(words(text)) for text in texts], PERCENTILES)
    return {f"p{name}": rounded(value) for name, value in zip(PERCENTILES, found, strict=True)}


def cue_shares(texts: Sequence[str]) -> dict[str, Any]:
    """Share of the texts with a cue of negation, of hedging, and of each kind."""
    counts: Counter[str] = Counter()
    for text in texts:
        kinds = {cue.kind for cue in find_cues(text)}
        counts.update(kinds)
        counts["negation"] += bool(kinds - {HEDGE})
    names = ("negation", *get_args(Kind))
    return {"texts": len(texts)} | {name: rounded(counts[name] / len(texts)) for name in names}


def patterns(rows: Iterable[Row]) -> dict[str, dict[str, int]]:
    """How often each pattern stands, by role; both splits together."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        for item in row.texts:
            if item.pattern:
                counts[item.role][item.pattern] += 1
    return {role: dict(found.most_common()) for role, found in counts.items()}


def rounded(value: float) -> float:
    """Four digits, so that the same corpus gives the same file on any machine."""
    return round(float(value), 4)

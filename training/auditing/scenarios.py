"""Scenario leaks: a row of dev and one of train that tell of the same people and things.

Their sentences may all differ, so near-duplicates do not show them. Compared are the words of a
whole row that few rows have, weighted by how few (TF-IDF), and its names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer

from training.auditing.rows import Row
from training.words import words

# Leaks that are written out, the most alike first.
SHOWN = 20
# A capital that does not start a sentence, nor a quotation in it.
NAME = re.compile(r"(?<=[a-z0-9,;:] )[A-Z][a-z]{2,}\b")
# Capitals that tell nothing: every calendar has them.
CALENDAR = frozenset(
    (
        *("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
        *("january", "february", "march", "april", "may", "june", "july", "august"),
        *("september", "october", "november", "december", "easter", "christmas"),
    )
)


@dataclass(frozen=True)
class Coincidence:
    """When two rows tell of one scenario.

    Args:
        topic: Least cosine of the topic words alone.
        topic_with_names: Least cosine where a name of theirs is the same as well.
        common: Share of the rows from which a word is no topic word.
    """

    topic: float = 0.4
    topic_with_names: float = 0.25
    common: float = 0.01


def leaks(rows: Sequence[Row], coincidence: Coincidence) -> dict[str, Any]:
    """Count and show pairs of a dev row and a train row that share a scenario."""
    train = [row for row in rows if row.split == "train"]
    dev = [row for row in rows if row.split == "dev"]
    found = pairs(train, dev, coincidence) if train and dev else []
    return {
        "pairs": len(found),
        "dev_rows": len({entry["dev"] for entry in found}),
        "most_alike": found[:SHOWN],
    }


def pairs(
    train: Sequence[Row], dev: Sequence[Row], coincidence: Coincidence
) -> list[dict[str, Any]]:
    """The leaks, the most alike first."""
    vectorizer = TfidfVectorizer(
        analyzer=topic_words,
        # Among a few rows a word of two of them may be all there is.
        max_df=max(2, int(coincidence.common * (len(train) + len(dev)))),
        binary=True,
        dtype=np.float32,
    )
    vectors = vectorizer.fit_transform([*train, *dev])
    similar = (vectors[len(train) :] @ vectors[: len(train)].T).tocoo()
    close = similar.data >= min(coincidence.topic, coincidence.topic_with_names)
    found = []
    for one, other, cosine in zip(
        similar.row[close], similar.col[close], similar.data[close], strict=True
    ):
        first, second = dev[one], train[other]
        shared = sorted(names(first) & names(second))
        if cosine >= (coincidence.topic_with_names if shared else coincidence.topic):
            found.append(
                {
                    "dev": first.id,
                    "train": second.id,
                    "cosine": round(float(cosine), 3),
                    "names": shared,
                }
            )
    return sorted(found, key=lambda entry: (-entry["cosine"], entry["dev"], entry["train"]))


def topic_words(row: Row) -> set[str]:
    """The words of a row that may tell its topic."""
    found = {word for item in row.texts for word in words(item.text)}
    return {word for word in found - ENGLISH_STOP_WORDS if len(word) > 2}


def names(row: Row) -> set[str]:
    """Words of a row that are written with a capital within a sentence, in small letters."""
    found = {name.lower() for item in row.texts for name in NAME.findall(item.text)}
    return found - CALENDAR

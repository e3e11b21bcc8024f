"""A small corpus for tests, each row about something of its own, with faults on demand."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

Row = dict[str, Any]

# No two rows share a thing, so that only a planted fault makes two of them alike.
SYLLABLES = ("bra", "cul", "dom", "fel", "gri", "hup", "jor", "kel", "lim", "mav", "nor", "pex")


def thing(number: int) -> str:
    """A word that no other number has."""
    rng = random.Random(f"thing {number}")
    return "".join(rng.choices(SYLLABLES, k=4)) + SYLLABLES[number % len(SYLLABLES)]


def item(text: str, pattern: str) -> Row:
    return {"text": text, "pattern": pattern}


def sentence(number: int, hedge: str = "It is said that the {} is wet.") -> Row:
    """A group whose relations neither words nor overlap tell: wet and dry take turns."""
    name = thing(number)
    this, other = ("wet", "dry") if number % 2 else ("dry", "wet")
    hedges = ("Maybe the {} is {}.", "The {} would then be {}.", hedge)
    return {
        "id": f"sent-{number}",
        "kind": "sentence",
        "domain": "weather",
        "anchor": f"The {name} is {this}.",
        "same": [
            item(f"The {name} is {this} now.", "paraphrase"),
            item(f"The {name} is at long last {this}.", "paraphrase"),
            item(f"The {name} is not {other}.", "negated-antonym"),
            item(f"The {name} is at no time {other}.", "negated-antonym"),
        ],
        "negated": [
            item(f"The {name} is {other} now.", "lexical"),
            item(f"The {name} is at long last {other}.", "lexical"),
            item(f"The {name} is not {this}.", "verbal"),
            item(f"The {name} is at no time {this}.", "determiner"),
        ],
        "hedged": [item(hedges[number % 2].format(name, this), "modal")],
        "neutral": [f"The {name} was a gift."],
    }


def exclusion(number: int) -> Row:
    name, other = thing(1000 + number), thing(2000 + number)
    return {
        "id": f"excl-{number}",
        "kind": "exclusion",
        "domain": "shops",
        "query": f"{name} without {other}",
        "inclusion": f"{name} with {other}",
        "relevant": [
            f"{name} in a plain blue box of ten from {thing(number + place)} for everybody"
            for place in (3000, 4000)
        ],
        "violating": [
            f"{name} and {other} in one large green bag from {thing(number + place)} for everybody"
            for place in (5000, 6000)
        ],
    }


def twins(number: int) -> Row:
    name, other = thing(7000 + number), thing(8000 + number)
    return {
        "id": f"twin-{number}",
        "kind": "twins",
        "domain": "shops",
        "query_a": f"who sells {name} that is free of {other}",
        "query_b": f"who sells {name} that is full of {other}",
        "pattern": "exclusion",
    }


def write(folder: Path, **files: list[Row]) -> Path:
    """Write rows to files such as `sentence_train`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in files.items():
        path = folder / f"{'.'.join(name.rsplit('_', 1))}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder

"""A few dev rows of words that the tiny models know, so that no two texts are one to a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

# Each row stands for several: "drug" is replaced by each of the things.
THINGS = ("drug", "pool", "hotel", "patient", "mortality", "trial")
GROUP = {
    "anchor": "the drug lower mortality in the trial",
    "same": [{"text": "mortality was lower in the drug trial"}],
    "negated": [{"text": "the drug does not lower mortality"}, {"text": "no drug works"}],
    "hedged": [{"text": "the drug may lower mortality"}],
    "neutral": ["the trial was good to the patients"],
}
CONTRAST = {
    "query_a": "drug without a good trial",
    "query_b": "drug and good trial",
    "doc_a": "the drug does not work , and no patient was in the good trial",
    "doc_b": "the drug does work , and a patient was in the good trial",
}
# Of a pair of passages that is no row of ours.
EDITED = {"id": "drug pair", "query_a": "no drug", "query_b": "a good drug"}
EXCLUSION = {
    "query": "trial without a drug",
    "relevant": ["the trial was good , no drug", "a trial of the hotel , not of the drug"],
    "violating": ["the drug works in the trial", "a trial of the bad drug"],
}


def several(row: dict[str, Any]) -> str:
    """A file of rows made of one."""
    return "".join(json.dumps(row).replace("drug", thing) + "\n" for thing in THINGS)


def write_dev_rows(folder: Path) -> None:
    """Write the dev files of a small corpus."""
    rows = {"sentence": GROUP, "retrieval": CONTRAST, "exclusion": EXCLUSION}
    rows |= {"searches": EXCLUSION, "wide": CONTRAST, "edited_queries": EDITED}
    for name, row in rows.items():
        (folder / f"{name}.dev.jsonl").write_text(several(row))

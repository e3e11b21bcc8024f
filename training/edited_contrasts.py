"""Contrasts whose passages are other people's, edited by crowd workers, and whose queries are ours.

The passages are CondaQA's (Ravichander et al. 2022, EMNLP): Wikipedia's, and the same with a
negation reversed or moved. They stand in no file of this project, which has the queries by the id
of a pair. Dev only.
"""

from __future__ import annotations

from training import corpus, public
from training.corpus import Contrast

PASSAGES = "condaqa/dev_passage_pairs"
QUERIES = "edited_queries.dev.jsonl"


def edited_contrasts() -> list[Contrast]:
    """Read the queries beside their passages; an empty list where the passages cannot be had."""
    passages = {row.get("id"): row for row in public.load(PASSAGES)}
    return [
        Contrast(row["query_a"], row["query_b"], pair["a"], pair["b"])
        for row in corpus.read_jsonl(corpus.DATA / QUERIES)
        if (pair := passages.get(row["id"])) is not None
    ]

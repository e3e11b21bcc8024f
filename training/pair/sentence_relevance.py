"""The relevance of passages by their sentences, as `/rerank` has it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from service.passage_sentences import combine_relevances, split_passage

# Pairs of a query and a text to (pairs, outputs): relations first, the relevance last.
Outputs = Callable[[Sequence[tuple[str, str]]], NDArray[np.float32]]


def sentence_relevance(
    outputs: Outputs, relations: Sequence[str], pairs: Sequence[tuple[str, str]]
) -> NDArray[np.float32]:
    """Relevance of each pair's second text, a passage, to its first, a query; (pairs,).

    Args:
        outputs: The pair model; it is asked once for each query and sentence.
        relations: The relations that its first outputs are for.
        pairs: At least one.
    """
    parts = {passage: split_passage(passage) or [passage] for _, passage in pairs}
    asked = [(query, text) for query, passage in pairs for text in parts[passage]]
    numbers = {pair: number for number, pair in enumerate(dict.fromkeys(asked))}
    rows = outputs([*numbers])[[numbers[pair] for pair in asked]]
    equivalence, contradiction = (
        rows[:, relations.index(name)] for name in ("equivalence", "contradiction")
    )
    counts = [len(parts[passage]) for _, passage in pairs]
    return combine_relevances(rows[:, -1], equivalence - contradiction, counts)

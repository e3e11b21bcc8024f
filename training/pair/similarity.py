"""How similar queries and passages are by an encoder: what a relevance is added to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from service.passage_sentences import blend_cosines, split_passage
from training.evaluation.encoding import Encode, Vectors

# Pairs whose vectors are held at a time.
_BLOCK = 8192


def sentence_similarities(encode: Encode, pairs: Sequence[tuple[str, str]]) -> Vectors:
    """Similarity of each pair of a query and a passage, as `/rerank` has it, (pairs,).

    The cosine with the passage and, where that has several sentences, with these.

    Args:
        encode: An encoder that remembers its vectors: of a query and a passage that stand in many
            pairs.
        pairs: At least one.
    """
    pieces = {passage: split_passage(passage) for _, passage in pairs}
    by_sentence = [(query, text) for query, passage in pairs for text in pieces[passage]]
    found = cosines(encode, [*pairs, *by_sentence])
    whole, sentences = np.split(found, [len(pairs)])
    return blend_cosines(whole, sentences, [len(pieces[passage]) for _, passage in pairs])


def cosines(encode: Encode, pairs: Sequence[tuple[str, str]]) -> Vectors:
    """Cosine of the two texts of each pair."""
    blocks = (pairs[start : start + _BLOCK] for start in range(0, len(pairs), _BLOCK))
    return np.concatenate([_cosines(encode, block) for block in blocks])


def _cosines(encode: Encode, pairs: Sequence[tuple[str, str]]) -> Vectors:
    first, second = encode([a for a, _ in pairs]), encode([b for _, b in pairs])
    return np.einsum("nd,nd->n", first, second)

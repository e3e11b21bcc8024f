"""Texts that share words: related texts for distillation, found without running a model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer

# Rows of the product of seeds and texts that are held at a time.
BLOCK = 256
# A word in more than this share of the texts is left out, unless it is in a few texts only.
COMMON, FEW = 0.05, 20


def neighbours(texts: Sequence[str], seeds: Sequence[int], size: int) -> Iterator[list[str]]:
    """Yield each seed's text with the `size - 1` texts nearest to it by TF-IDF cosine.

    Args:
        texts: The pool, without duplicates.
        seeds: Indices into the pool.
        size: Texts a cluster, the seed included; fewer where the pool is smaller.
    """
    vectors = word_vectors(texts)
    size = min(size, len(texts))
    for start in range(0, len(seeds), BLOCK):
        block = np.asarray(seeds[start : start + BLOCK])
        similar = (vectors[block] @ vectors.T).toarray()
        # The seed itself comes first even where all its words were too common to count.
        similar[np.arange(len(block)), block] = 2.0
        nearest = np.argpartition(-similar, size - 1, axis=1)[:, :size]
        for seed, found in zip(block, nearest, strict=True):
            yield [texts[seed], *(texts[other] for other in found if other != seed)]


def word_vectors(texts: Sequence[str]) -> csr_matrix:
    """TF-IDF vectors of unit length, (texts, words), without the words of many texts.

    Words of one text in twenty say little of its topic and would make the product dense; among a
    few texts they may be all there is.
    """
    common = min(1.0, max(COMMON, FEW / len(texts)))
    vectorizer = TfidfVectorizer(max_df=common, sublinear_tf=True, dtype=np.float32)
    return vectorizer.fit_transform(texts)

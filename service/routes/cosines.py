"""Cosines of unit vectors, bounded: rounding may take a dot product past 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]  # (texts, dimensions), each row of unit length


def source_cosines(vectors: Vectors) -> NDArray[np.float32]:
    """Return the cosine of the first vector with each of the others."""
    return _bounded(vectors[1:] @ vectors[0])


def pair_cosines(vectors: Vectors) -> NDArray[np.float32]:
    """Return the cosine of each vector at an even position with the one after it."""
    return _bounded(np.einsum("ij,ij->i", vectors[0::2], vectors[1::2]))


def _bounded(cosines: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.clip(cosines, -1, 1), dtype=np.float32)

"""Fits the turn of an encoder's gate: where the passages that a query asks for lie.

An exclusion's own vector orders the passages of the rows it was trained on nearly without a fault,
and of others far less well: the queries are learnt by heart, the passages are not. A linear map
that foretells the direction from the violating passages to the relevant ones has too few
coefficients for that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from training import corpus
from training.evaluation.encoding import Vectors, unit
from training.exclusion_gate import ExclusionGate

# Strength of the regularisation, of parts of unit length.
RIDGE = 1.0
# Passages of each kind that a row's direction is reckoned from.
PASSAGES = 2


def fit_turn(
    gate: ExclusionGate, encode: Callable[[Sequence[str]], tuple[Vectors, Vectors]]
) -> None:
    """Fit a gate's direction to the train exclusions, in place.

    Args:
        gate: It has a direction.
        encode: Texts to *g* and *p*, each of unit length, (texts, dimensions).
    """
    rows = corpus.exclusions("train")
    queries = np.hstack(encode([row.query for row in rows]))
    relevant = mean_of([row.relevant[:PASSAGES] for row in rows], encode)
    violating = mean_of([row.violating[:PASSAGES] for row in rows], encode)
    fit_direction(gate, queries, unit(relevant - violating))


def mean_of(
    passages: Sequence[Sequence[str]],
    encode: Callable[[Sequence[str]], tuple[Vectors, Vectors]],
) -> Vectors:
    """The mean *p* of each row's passages, (rows, dimensions)."""
    _, polarity = encode([text for row in passages for text in row])
    starts = np.cumsum([0, *(len(row) for row in passages[:-1])])
    counts = np.array([len(row) for row in passages])[:, None]
    means: Vectors = np.add.reduceat(polarity, starts, axis=0) / counts
    return means


def fit_direction(gate: ExclusionGate, queries: Vectors, directions: Vectors) -> None:
    """Fit a gate so that its direction for each query is near the one that is wanted.

    Reduced-rank ridge regression: of all matrices of the gate's rank, the one whose values lie
    nearest those of the whole matrix.

    Args:
        gate: It has a direction.
        queries: *g* and *p* of the queries, (rows, dimensions of both).
        directions: What is wanted, of unit length, (rows, dimensions of *p*).
    """
    if gate.direction is None:
        raise ValueError("the gate has no turn")
    down, up = (layer for layer in gate.direction if isinstance(layer, nn.Linear))
    given, wanted = queries.astype(np.float64), directions.astype(np.float64)
    origin, aim = given.mean(axis=0), wanted.mean(axis=0)
    given, wanted = given - origin, wanted - aim
    whole: NDArray[np.float64] = np.linalg.solve(
        given.T @ given + RIDGE * np.eye(given.shape[1]), given.T @ wanted
    )
    # The axes along which the values of the whole matrix spread most.
    _, _, axes = np.linalg.svd(given @ whole, full_matrices=False)
    kept = axes[: down.out_features]
    with torch.no_grad():
        down.weight.copy_(torch.from_numpy((whole @ kept.T).T))
        up.weight.copy_(torch.from_numpy(kept.T))
        up.bias.copy_(torch.from_numpy(aim - origin @ whole @ kept.T @ kept))

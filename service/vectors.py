"""What is done to vectors after the forward pass; pure numpy, knows nothing of models or texts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.errors import StartupError

Rows = NDArray[np.float32]  # (texts, dimensions)


def normalize(rows: Rows) -> Rows:
    """Scale each row to unit length; a row of zeros stays as it is."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Rows = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return unit


def find_unusable(rows: Rows, *, zeros_allowed: bool) -> dict[int, str]:
    """Return the positions of the rows that no client should get, each with its fault.

    A sum is finite only if every number in it is (or a sum of huge ones overflowed, which is no
    vector to serve either), so one pass over the rows finds them.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        sums = np.abs(rows).sum(axis=1)
    faults = {
        int(i): "the model's output is not finite" for i in np.flatnonzero(~np.isfinite(sums))
    }
    if not zeros_allowed:
        faults |= {int(i): "the model's output is all zeros" for i in np.flatnonzero(sums == 0)}
    return faults


def softmax(rows: Rows) -> Rows:
    """Turn each row of logits into probabilities."""
    powers = np.exp(rows - rows.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn logits into probabilities; neither end overflows, and small ones keep their digits."""
    return np.asarray(np.exp(-np.logaddexp(0, -logits.astype(np.float64))), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class TwoPart:
    """The parts of a vector `[sqrt(1-w) g ; sqrt(w) p]`, *g* and *p* of unit length.

    Attributes:
        general_dimensions: Numbers of *g*, which come first.
        polarity_dimensions: Numbers of *p*.
        negation_weight: The weight `w` that the model's own vectors carry, between 0 and 1.
        exclusion_weight: Of a model that gives each text a weight of its own, the greatest, where
            `w` is the least. None where all have `w`.
    """

    general_dimensions: int
    polarity_dimensions: int
    negation_weight: float
    exclusion_weight: float | None = None

    def __post_init__(self) -> None:
        """Check the figures.

        Raises:
            StartupError: A part is empty, a weight leaves nothing of one of them to rescale, or
                the exclusion weight is not over the other.
        """
        if self.general_dimensions < 1 or self.polarity_dimensions < 1:
            raise StartupError("a two-part model needs at least one dimension in each part")
        if not 0 < self.negation_weight < 1:
            raise StartupError(
                f"a two-part model's negation_weight must be over 0 and under 1,"
                f" not {self.negation_weight}"
            )
        exclusion_weight = self.exclusion_weight
        if exclusion_weight is not None and not self.negation_weight < exclusion_weight < 1:
            raise StartupError(
                "a two-part model's exclusion_weight must be over its negation_weight,"
                f" {self.negation_weight}, and under 1, not {exclusion_weight}"
            )

    @property
    def dimensions(self) -> int:
        """Numbers of the whole vector."""
        return self.general_dimensions + self.polarity_dimensions

    def scale(self, weight: float) -> NDArray[np.float32]:
        """Return the factor of each number that takes a vector from `w` to a weight from 0 to 1."""
        scale = np.empty(self.dimensions, dtype=np.float32)
        scale[: self.general_dimensions] = math.sqrt((1 - weight) / (1 - self.negation_weight))
        scale[self.general_dimensions :] = math.sqrt(weight / self.negation_weight)
        return scale

    def scales(self, weight: float | None) -> list[NDArray[np.float32]]:
        """Return `scale` of a weight; for None, of those between which the model's own lie."""
        if weight is not None:
            return [self.scale(weight)]
        own = (self.negation_weight, self.exclusion_weight)
        return [self.scale(extreme) for extreme in own if extreme is not None]

    def reweigh(self, rows: Rows, weight: float) -> Rows:
        """Return the rows as they would be at another weight, from 0 to 1; lengths are kept."""
        if self.exclusion_weight is None:
            return rows * self.scale(weight)
        # The weight that a row carries is its own: only its parts' lengths tell it.
        general, polarity = np.split(rows, [self.general_dimensions], axis=1)
        shares = math.sqrt(1 - weight), math.sqrt(weight)
        return np.hstack((normalize(general) * shares[0], normalize(polarity) * shares[1]))

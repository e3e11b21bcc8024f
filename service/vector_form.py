"""The form in which a client wants its vectors: which part of them, how weighted, how long."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.errors import InvalidInput
from service.vectors import TwoPart
from service.vectors import normalize as unit_length


@dataclass(frozen=True, slots=True)
class VectorForm:
    """What becomes of a model's vectors before they are answered.

    Attributes:
        normalize: Scale to unit length.
        dimensions: Keep the first so many numbers; None keeps all.
        negation_weight: Of a two-part vector; None takes the model's own.
    """

    normalize: bool = True
    dimensions: int | None = None
    negation_weight: float | None = None

    def check(self, width: int, two_part: TwoPart | None) -> None:
        """Refuse what vectors of a model cannot have.

        Args:
            width: Numbers of a whole vector.
            two_part: How its two parts are weighted; None for a vector of one part.

        Raises:
            InvalidInput: A value is out of range, or means nothing for this model.
        """
        if self.dimensions is not None:
            _check_dimensions(self.dimensions, width)
        if self.negation_weight is not None:
            _check_weight(self.negation_weight, self.dimensions or width, two_part)

    def apply(self, rows: NDArray[np.float32], two_part: TwoPart | None) -> NDArray[np.float32]:
        """Give (texts, numbers) as the graph gave them the form, (texts, dimensions)."""
        if self.negation_weight is not None and two_part is not None:
            rows = two_part.reweigh(rows, self.negation_weight)
        rows = rows[:, : self.dimensions]
        return unit_length(rows) if self.normalize else np.ascontiguousarray(rows)


def _check_dimensions(dimensions: int, width: int) -> None:
    if dimensions < 1:
        raise InvalidInput("`dimensions` should be positive", param="dimensions")
    if dimensions > width:
        raise InvalidInput(
            "`dimensions` should be smaller than the maximum embedding dimension."
            f" Given: {dimensions}, maximum: {width}",
            param="dimensions",
        )


def _check_weight(weight: float, dimensions: int, two_part: TwoPart | None) -> None:
    if two_part is None:
        raise InvalidInput(
            "`negation_weight` needs a two-part model, and this one has one part",
            param="negation_weight",
        )
    if not 0 <= weight <= 1:
        raise InvalidInput(
            f"`negation_weight` should be between 0 and 1. Given: {weight}",
            param="negation_weight",
        )
    if weight == 1 and dimensions <= two_part.general_dimensions:
        raise InvalidInput(
            f"at a `negation_weight` of 1 the first {two_part.general_dimensions} numbers are"
            " zero, and `dimensions` keeps no others",
            param="negation_weight",
        )

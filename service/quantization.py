"""Vectors in fewer bytes: base64, eight bits or one bit a number; pure numpy, knows no model.

Eight bits are linear: 256 steps from the least to the greatest value that a dimension is expected
to take, and what lies outside takes the nearest end. Those ends are measured on many texts when a
model is made. The numbers are those of sentence-transformers' `quantize_embeddings`.

A range of its own for each dimension gives each the same say in a dot product of the bytes, however
little it has in that of the vectors, and undoes the weights of a two-part vector's parts. So
vectors are served with one range for all dimensions: their bytes rank as the vectors do.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from service.vectors import Rows

Precision = Literal["float", "base64", "int8", "uint8", "binary", "ubinary"]
Numbers = NDArray[np.float32]  # (dimensions,)
Bytes = NDArray[np.int8] | NDArray[np.uint8]  # (texts, dimensions), or (texts, dimensions / 8)

CALIBRATED: frozenset[Precision] = frozenset({"int8", "uint8"})
_STEPS = 255
_OFFSET = 128


@dataclass(frozen=True, slots=True, eq=False)
class CalibrationRanges:
    """What each dimension of a model's unit vectors is expected to hold.

    Attributes:
        minima: The least value.
        maxima: The greatest value.
        mean_squares: The mean of the squared values; over all dimensions they sum to 1.
    """

    minima: Numbers
    maxima: Numbers
    mean_squares: Numbers

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Self:
        """Make them of what a model folder's file holds.

        Raises:
            ValueError: A list is missing or of another length than the others, holds what is no
                finite number, or a least value is over the greatest.
        """
        lists = [
            np.array(content.get(name) or [], dtype=np.float32)
            for name in ("minima", "maxima", "mean_squares")
        ]
        if len({row.shape for row in lists}) != 1 or lists[0].ndim != 1 or not lists[0].size:
            raise ValueError("minima, maxima and mean_squares are not three lists of one length")
        ranges = cls(*lists)
        if not all(np.isfinite(row).all() for row in lists) or (ranges.mean_squares < 0).any():
            raise ValueError("a number is not finite, or a mean of squares is under 0")
        if (ranges.minima > ranges.maxima).any():
            raise ValueError("a minimum is over its maximum")
        return ranges

    def __len__(self) -> int:
        return len(self.minima)

    def adapt(self, dimensions: int | None, scale: Numbers | None = None) -> CalibrationRanges:
        """Return the ranges of vectors that were rescaled, cut, and brought to unit length.

        A factor on a dimension is a factor on its range. A cut vector is divided by its own
        length, which differs from text to text; its range is divided by the root of the mean
        squared length. For a whole part of a two-part vector the two are the same.

        Args:
            dimensions: How many leading ones were kept; None for all.
            scale: The factor of each dimension, not negative; None for 1.
        """
        scale = np.ones(len(self), dtype=np.float32) if scale is None else scale
        mean_squares = (self.mean_squares * scale**2)[:dimensions]
        total = float(mean_squares.sum(dtype=np.float64))
        length = total**0.5 or 1.0
        return CalibrationRanges(
            minima=(self.minima * scale)[:dimensions] / np.float32(length),
            maxima=(self.maxima * scale)[:dimensions] / np.float32(length),
            mean_squares=mean_squares / np.float32(total or 1.0),
        )

    def adapt_to_each(self, dimensions: int | None, scales: Sequence[Numbers]) -> CalibrationRanges:
        """Return ranges that hold the vectors of every one of some scales; see `adapt`.

        Between two weights of a two-part vector they hold those of every weight, since from one to
        the other a part's numbers only grow or only shrink. The mean squares are those of the first
        scale.
        """
        adapted = [self.adapt(dimensions, scale) for scale in scales]
        return CalibrationRanges(
            minima=np.min([ranges.minima for ranges in adapted], axis=0),
            maxima=np.max([ranges.maxima for ranges in adapted], axis=0),
            mean_squares=adapted[0].mean_squares,
        )

    def shared(self) -> CalibrationRanges:
        """Return one range for all dimensions, the narrowest around 0 that holds all of these."""
        greatest = max(np.abs(self.minima).max(), np.abs(self.maxima).max())
        everywhere = np.full(len(self), greatest, dtype=np.float32)
        return CalibrationRanges(-everywhere, everywhere, self.mean_squares)


def quantize(
    rows: Rows, precision: Precision, ranges: CalibrationRanges | None
) -> Rows | Bytes | list[str]:
    """Return vectors in another form.

    Args:
        rows: Unit vectors.
        precision: `float` leaves them; `base64` is a text of little-endian float32 a vector;
            `int8` and `uint8` are a byte a number; `binary` and `ubinary` are a bit a number, set
            where it is over 0, eight to a byte, the first number in its highest bit, and the last
            byte filled up with zeros; the two differ in that the first subtracts 128.
        ranges: Those of just these vectors; needed for `int8` and `uint8`.

    Raises:
        ValueError: The ranges are missing, or of another number of dimensions.
    """
    match precision:
        case "float":
            return rows
        case "base64":
            return to_base64(rows)
        case "ubinary":
            return _packed(rows)
        case "binary":
            return _signed(_packed(rows))
    if ranges is None or len(ranges) != rows.shape[1]:
        raise ValueError(f"{precision} needs a range for each of the {rows.shape[1]} dimensions")
    levels = _levels(rows, ranges)
    return levels if precision == "uint8" else _signed(levels)


def to_base64(rows: Rows) -> list[str]:
    """Return the little-endian float32 bytes of each row as text."""
    return [base64.b64encode(row).decode() for row in little_endian(rows)]


def little_endian(rows: Rows) -> Rows:
    """Return the rows in the byte order of the wire, one after another in memory."""
    return np.ascontiguousarray(rows, dtype="<f4")


def _levels(rows: Rows, ranges: CalibrationRanges) -> NDArray[np.uint8]:
    steps = (ranges.maxima - ranges.minima) / _STEPS
    steps = np.where(steps == 0, np.float32(1), steps)
    levels = np.floor((rows - ranges.minima) / steps)
    return np.clip(levels, 0, _STEPS).astype(np.uint8)


def _packed(rows: Rows) -> NDArray[np.uint8]:
    return np.packbits(rows > 0, axis=-1)


def _signed(levels: NDArray[np.uint8]) -> NDArray[np.int8]:
    """Subtract 128."""
    return (levels.astype(np.int16) - _OFFSET).astype(np.int8)

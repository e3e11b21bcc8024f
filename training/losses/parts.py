"""The two parts of a column of texts, and similarities of the sum of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Parts(NamedTuple):
    """The general and the polarity part of a column of texts, each (batch, dimensions).

    `base` is what the base encoder gives for the same texts, where *g* is trained as well.
    """

    general: Tensor
    polarity: Tensor
    base: Tensor | None = None

    @property
    def target(self) -> Tensor:
        """What is distilled from: the base's vector, which a frozen *g* still is."""
        return self.general if self.base is None else self.base


def matrix(left: Parts, right: Parts, weight: float) -> Tensor:
    """Similarities of all pairs at a weight *w*, (left, right)."""
    general = left.general @ right.general.T
    return (1 - weight) * general + weight * left.polarity @ right.polarity.T


def pairwise(left: Parts, right: Parts, weight: float) -> Tensor:
    """Similarities of the texts in the same row at a weight *w*, (batch,)."""
    general = (left.general * right.general).sum(dim=1)
    polarity = (left.polarity * right.polarity).sum(dim=1)
    return (1 - weight) * general + weight * polarity


def whole(parts: Parts, weight: float) -> Tensor:
    """The vectors that are served at a weight *w*, of unit length, (batch, both dimensions)."""
    return torch.cat((parts.general * (1 - weight) ** 0.5, parts.polarity * weight**0.5), dim=1)


def joined(parts: Sequence[Parts]) -> Parts:
    """Put any number of columns below one another."""
    general, polarity, base = zip(*parts, strict=True)
    return Parts(
        torch.cat(general), torch.cat(polarity), None if base[0] is None else torch.cat(base)
    )


def taken(parts: Parts, order: Tensor) -> Parts:
    """Take rows of a column."""
    return Parts(*(None if part is None else part[order] for part in parts))  # type: ignore[arg-type]

"""What the anchors of a batch are to tell their positives from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from training.losses.parts import Parts, matrix, pairwise, whole


@dataclass(frozen=True)
class Candidates:
    """The candidates of every row's anchor: its positive, its own hard negatives, and the others'.

    The candidates of a row are the shared texts, then one text of each private column; the positive
    of row i is candidate i. An own hard negative is known to be one; any other text of the batch
    only passes for a negative.

    Args:
        anchor: One text a row.
        shared: Candidates of every row, first the positives of all rows in their order.
        private: Columns of own hard negatives, each text a candidate of its own row alone.
        own: Which shared texts are a row's own hard negatives, (rows, shared); None for none.
        out: Which shared texts are no candidates of a row, (rows, shared); None for none.
    """

    anchor: Parts
    shared: Parts
    private: Sequence[Parts] = ()
    own: Tensor | None = None
    out: Tensor | None = None

    def similarities(self, weight: float) -> Tensor:
        """Similarities to the anchor at a weight *w*, (rows, candidates); -inf for none."""
        block = matrix(self.anchor, self.shared, weight)
        if self.out is not None:
            block = block.masked_fill(self.out, -torch.inf)
        return torch.cat((block, *self.to_private(weight)), dim=1)

    def to_private(self, weight: float) -> list[Tensor]:
        """Similarities of the anchors to their private candidates, each (rows, 1)."""
        return [pairwise(self.anchor, column, weight)[:, None] for column in self.private]

    def guide(self) -> Tensor:
        """What the base encoder says of the same pairs, without a gradient."""
        anchor, shared, *private = (
            Parts(part.target, part.target) for part in (self.anchor, self.shared, *self.private)
        )
        with torch.no_grad():
            return Candidates(anchor, shared, private, out=self.out).similarities(0.0)

    def vectors(self, weight: float) -> Tensor:
        """The candidates' vectors as served at a weight *w*, (rows, candidates, dimensions)."""
        rows = len(self.anchor.general)
        shared = whole(self.shared, weight).expand(rows, -1, -1)
        private = [whole(column, weight)[:, None] for column in self.private]
        return torch.cat((shared, *private), dim=1)

    def hard(self) -> Tensor:
        """Which candidates are the row's own hard negatives, (rows, candidates)."""
        rows, shared = len(self.anchor.general), len(self.shared.general)
        device = self.anchor.general.device
        none = torch.zeros(rows, shared, dtype=torch.bool, device=device)
        return pad(none if self.own is None else self.own, (0, len(self.private)), value=True)

    def positive(self) -> Tensor:
        """Which candidate is the row's positive, (rows, candidates)."""
        hard = self.hard()
        return torch.eye(*hard.shape, dtype=torch.bool, device=hard.device)

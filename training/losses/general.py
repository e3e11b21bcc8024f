"""The loss of texts without labels."""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor

from training.losses.base import TwoPartLoss
from training.losses.parts import Parts


class GeneralLoss(TwoPartLoss):
    """Texts without labels, where *p* is to be as *g* is. Columns: related texts."""

    def compute_loss_from_embeddings(self, columns: list[Parts], labels: Tensor | None) -> Tensor:
        """Distil within the rows, where similarity is high, and between them."""
        pairs = combinations(columns, 2)
        errors = torch.stack([cosine_gap(left, right) for left, right in pairs])
        return 100 * self.distillation * errors.square().mean() + self.distil(columns)


def cosine_gap(left: Parts, right: Parts) -> Tensor:
    """How much more similar *p* finds the texts of a row than *g* does, (batch,)."""
    found = (left.polarity * right.polarity).sum(dim=1)
    return found - (left.target * right.target).sum(dim=1)

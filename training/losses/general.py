"""The loss of texts without labels."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

import torch
from torch import Tensor

from training.losses.base import TwoPartLoss, distance
from training.losses.columns import embed_columns
from training.losses.parts import Parts


class GeneralLoss(TwoPartLoss):
    """Texts without labels, where *p* is to be as *g* is. Columns: related texts.

    With retention it is also to stay where the guide has it: a run that moves queries drags along
    texts that it should leave alone.
    """

    def forward(
        self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor | None
    ) -> Tensor:
        """Embed the columns, by the guide as well if there is retention, and compute the loss."""
        columns = list(sentence_features)
        embedded = embed_columns(self.model, columns, self.teacher)
        loss = self.compute_loss_from_embeddings(embedded, labels)
        if not self.retention:
            return loss
        found = torch.cat([column.polarity for column in embedded])
        return loss + self.retention * distance(found, torch.cat(self.guided(columns)))

    def compute_loss_from_embeddings(self, columns: list[Parts], labels: Tensor | None) -> Tensor:
        """Distil within the rows, where similarity is high, and between them."""
        pairs = combinations(columns, 2)
        errors = torch.stack([cosine_gap(left, right) for left, right in pairs])
        return 100 * self.distillation * errors.square().mean() + self.distil(columns)


def cosine_gap(left: Parts, right: Parts) -> Tensor:
    """How much more similar *p* finds the texts of a row than *g* does, (batch,)."""
    found = (left.polarity * right.polarity).sum(dim=1)
    return found - (left.target * right.target).sum(dim=1)

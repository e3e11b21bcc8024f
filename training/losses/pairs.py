"""The losses of pairs and triplets of sentences."""

from __future__ import annotations

from torch import Tensor

from training.losses.base import TwoPartLoss
from training.losses.parts import Parts


class TripletLoss(TwoPartLoss):
    """What follows from a premise above what contradicts it. Columns: anchor, positive, negative.

    The supervised objective of SimCSE (Gao et al. 2021, arXiv 2104.08821) on the sum.
    """

    def compute_loss_from_embeddings(self, columns: list[Parts], labels: Tensor | None) -> Tensor:
        """InfoNCE with the own negative, its margin, and distillation."""
        anchor, positive, negative = columns
        contrastive = self.own_negatives(anchor, positive, [negative])
        higher, lower = self.pairwise(anchor, positive), self.pairwise(anchor, negative)
        return 0.5 * contrastive + 0.5 * self.above(higher, lower) + self.distil(columns)


class OrderLoss(TwoPartLoss):
    """An order of the sum, CoSENT where no other is named: a higher label, a higher similarity.

    Columns: a, b.
    """

    def compute_loss_from_embeddings(self, columns: list[Parts], labels: Tensor | None) -> Tensor:
        """Order the pairs by their labels, and distil between the rows."""
        if labels is None:
            raise ValueError("ordered pairs need labels")
        left, right = columns
        return self.pair_order(self.pairwise(left, right), labels) + self.distil(columns)


class GradedLoss(OrderLoss):
    """The order on general similarity, where *p* must above all not drift. Columns: a, b."""

    def compute_loss_from_embeddings(self, columns: list[Parts], labels: Tensor | None) -> Tensor:
        """Half the order, three times the distillation of the labelled polarity pairs."""
        order = super().compute_loss_from_embeddings(columns, labels)
        return 0.5 * order + 2.5 * self.distil(columns)

"""The loss of the distilled groups."""

from __future__ import annotations

from torch import Tensor

from training.losses.base import TwoPartLoss
from training.losses.group_orders import GROUP_ORDERS, Group
from training.losses.parts import Parts


class GroupLoss(TwoPartLoss):
    """Same above hedged above negated, for an anchor and its distilled group.

    Columns: anchor, positive_1, positive_2, negated_1 to negated_3, hedged, neutral. Labels, where
    a judge was asked: a score of each column after the anchor.
    """

    def compute_loss_from_embeddings(self, columns: list[Parts], labels: Tensor | None) -> Tensor:
        """InfoNCE from two members of the class, the order within the group, and distillation."""
        anchor, first, second, *negated, hedged, neutral = columns
        others = [*negated, hedged, neutral]
        contrastive = self.own_negatives(anchor, first, others)
        contrastive = contrastive + self.own_negatives(first, second, others)
        group = Group((anchor, first, second), negated, hedged, neutral, labels)
        order = GROUP_ORDERS[self.group_order](self, group)
        return contrastive + 0.5 * order + self.distil(columns)

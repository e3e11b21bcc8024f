"""The loss of twin queries: each moved further away from the other than an earlier model had it."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn.functional import normalize

from training.losses.base import TwoPartLoss, distance
from training.losses.columns import embed_columns
from training.losses.parts import Parts


class GuidanceLoss(TwoPartLoss):
    """Two queries that differ in polarity alone. Columns: query_a, query_b.

    An encoder turns a query the right way when it meets a denial, but not far enough: its *p* moved
    on by `guidance` times its own difference from the twin's finds the right passage more often.
    That takes the twin, which a user does not send. So the model learns, from a frozen copy of what
    it started from, to give the moved vector by itself: classifier-free guidance (Ho and Salimans
    2022, arXiv 2207.12598) and its distillation (Meng et al. 2022, arXiv 2210.03142), of images, in
    a reading for queries.
    """

    def forward(
        self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor | None
    ) -> Tensor:
        """Embed both columns, by the guide as well, and compute the loss.

        Raises:
            ValueError: There is no guide.
        """
        columns = list(sentence_features)
        guides = self.guided(columns)
        found = zip(embed_columns(self.model, columns), guides, strict=True)
        return self.compute_loss_from_embeddings(
            [Parts(own.general, own.polarity, guide) for own, guide in found], labels
        )

    def compute_loss_from_embeddings(self, columns: list[Parts], labels: Tensor | None) -> Tensor:
        """Distance of *p* from what is wanted, over both columns.

        Args:
            columns: With the guide's polarity part as their base.
            labels: None.
        """
        first, second = (column.target for column in columns)
        wanted = torch.cat((self.moved(first, second), self.moved(second, first)))
        return distance(torch.cat([column.polarity for column in columns]), wanted)

    def moved(self, own: Tensor, twin: Tensor) -> Tensor:
        """A polarity part moved away from its twin's, of unit length, (batch, dimensions)."""
        return normalize(own + self.guidance * (own - twin), dim=1)

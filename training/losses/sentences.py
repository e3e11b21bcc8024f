"""The loss of a passage beside its sentences."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn.functional import normalize

from training.losses.base import TwoPartLoss, distance
from training.losses.columns import embed_columns
from training.losses.parts import Parts

# What the mean of the sentences counts for beside the passage. Of 0 to 1 in quarters, a guide's own
# vectors mixed so tell the most contrasts of `wide` apart (docs/methods.md).
SHARE = 0.5


class SentenceLoss(TwoPartLoss):
    """A passage and its sentences. Columns: passage, sentence_1, sentence_2 and so on.

    A clause that is reversed moves the vector of its own sentence far, and that of a passage of
    many sentences little. So *p* of a passage learns to lie half way to the mean of what a frozen
    copy of the encoder that the run starts from gives for the sentences one by one: what costs that
    encoder a second reading, this one is to give by itself. Needs no labels.
    """

    def forward(
        self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor | None
    ) -> Tensor:
        """Embed the passage, and all columns by the guide, and compute the loss.

        Raises:
            ValueError: There is no guide.
        """
        columns = list(sentence_features)
        guides = self.guided(columns)
        (passage,) = embed_columns(self.model, columns[:1])
        found = [Parts(passage.general, passage.polarity, guides[0])]
        return self.compute_loss_from_embeddings(
            [*found, *(Parts(guide, guide) for guide in guides[1:])], labels
        )

    def compute_loss_from_embeddings(self, columns: list[Parts], labels: Tensor | None) -> Tensor:
        """Distance of *p* of the passage from what is wanted.

        Args:
            columns: The passage with the guide's polarity part as its base, and the sentences' by
                the guide.
            labels: None.
        """
        passage, *sentences = columns
        mean = normalize(torch.stack([own.polarity for own in sentences]).mean(dim=0), dim=1)
        wanted = normalize((1 - SHARE) * passage.target + SHARE * mean, dim=1)
        return distance(passage.polarity, wanted)

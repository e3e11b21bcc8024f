"""What the losses of all kinds of rows share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from training.losses.candidates import Candidates
from training.losses.columns import embed_columns
from training.losses.contrastive import CONTRASTIVE, Softmax
from training.losses.parts import Parts, matrix, pairwise
from training.losses.ranking import PAIR_ORDERS

# Brings the mean distance of two vectors of one text, of the order of 0.1, to the size of the
# other losses.
DISTANCE_SCALE = 20.0


class TwoPartLoss(nn.Module, ABC):
    """Embedding columns, similarity of the sum, the softmax over candidates, distillation.

    Args:
        model: A SentenceTransformer of one `TwoPartEncoder`.
        weight: The weight w at which the sum is trained.
        temperature: Of the softmax in InfoNCE (van den Oord et al. 2018, arXiv 1807.03748).
        margin_scale: Width of the soft margin between a positive and its own hard negative.
        distillation: Weight of the relational distillation from *g* to *p*.
        hardness: How much more a row's own hard negatives weigh in the softmax where they come
            near: each by exp(hardness * similarity), without a gradient (Lan et al. 2025, "LLaVE",
            arXiv 2503.04812, as in EmbeddingGemma, arXiv 2509.20354).
        group_order: How a group is ordered (`training.losses.group_orders`).
        contrastive: What becomes of the negatives (`training.losses.contrastive`).
        pair_order: How labelled pairs are ordered (`training.losses.ranking`).
        teacher: The frozen base encoder as a two-part one, where *g* is trained; both parts are
            then distilled from it.
        guide: A frozen copy of the encoder that the run starts from, where one is needed.
        guidance: How far twin queries are moved apart (`training.losses.guidance`).
        retention: Weight of keeping *p* of texts without labels where the guide has it.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        weight: float,
        temperature: float,
        margin_scale: float,
        distillation: float,
        hardness: float = 0.0,
        group_order: str = "margins",
        contrastive: str | None = None,
        pair_order: str | None = None,
        teacher: nn.Module | None = None,
        guide: nn.Module | None = None,
        guidance: float = 0.0,
        retention: float = 0.0,
    ) -> None:
        super().__init__()
        self.model = model
        self.teacher = teacher
        self.guide = guide
        self.guidance = guidance
        self.retention = retention
        self.weight = weight
        self.temperature = temperature
        self.margin_scale = margin_scale
        self.distillation = distillation
        self.hardness = hardness
        self.group_order = group_order
        self.contrastive = CONTRASTIVE[contrastive or "info-nce"]
        self.pair_order = PAIR_ORDERS[pair_order or "cosent"]

    def forward(
        self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor | None
    ) -> Tensor:
        """Embed the columns and compute the loss."""
        columns = embed_columns(self.model, list(sentence_features), self.teacher)
        return self.compute_loss_from_embeddings(columns, labels)

    def guided(self, columns: list[dict[str, Tensor]]) -> list[Tensor]:
        """*p* of every column as the guide has it.

        Raises:
            ValueError: There is no guide.
        """
        if self.guide is None:
            raise ValueError("twins, sentences and retention need a guide, and there is none")
        with torch.no_grad():
            return [column.polarity for column in embed_columns(self.guide, columns)]

    @abstractmethod
    def compute_loss_from_embeddings(self, columns: list[Parts], labels: Tensor | None) -> Tensor:
        """Compute the loss of embedded columns, in the order of the row's columns."""

    def matrix(self, left: Parts, right: Parts) -> Tensor:
        """Similarities of all pairs, (left, right)."""
        return matrix(left, right, self.weight)

    def pairwise(self, left: Parts, right: Parts) -> Tensor:
        """Similarities of the texts in the same row, (batch,)."""
        return pairwise(left, right, self.weight)

    def contrast(self, candidates: Candidates, hardness: float = 0.0) -> Tensor:
        """InfoNCE of each anchor over its candidates, or what was chosen in its place."""
        return self.contrastive(candidates, Softmax(self.weight, self.temperature, hardness))

    def own_negatives(self, anchor: Parts, positive: Parts, negatives: Sequence[Parts]) -> Tensor:
        """InfoNCE of each anchor over the batch's positives and its own hard negatives."""
        return self.contrast(Candidates(anchor, positive, negatives), self.hardness)

    def above(self, higher: Tensor, lower: Tensor) -> Tensor:
        """Soft margin that grows where `lower` comes near `higher`; both (batch,)."""
        return softplus((lower - higher) / self.margin_scale).mean()

    def distil(self, columns: Sequence[Parts]) -> Tensor:
        """Relational distillation: *p* keeps the similarities of *g* between unrelated rows.

        Pairs within a row are left out: there *p* must be free to disagree with *g*. The factor
        brings the mean square, of the order of 0.01, to the size of the other losses.
        """
        target = torch.cat([column.target for column in columns])
        rows = torch.arange(len(columns[0].general), device=target.device).repeat(len(columns))
        apart = rows[:, None] != rows[None, :]
        wanted = (target @ target.T)[apart]
        parts = [torch.cat([column.polarity for column in columns])]
        if self.teacher is not None:
            parts.append(torch.cat([column.general for column in columns]))
        errors = [((part @ part.T)[apart] - wanted).square().mean() for part in parts]
        return 100 * self.distillation * torch.stack(errors).sum()


def distance(found: Tensor, wanted: Tensor) -> Tensor:
    """Mean of one less the cosine of unit vectors, (batch, dimensions), to those wanted."""
    return DISTANCE_SCALE * (1 - (found * wanted).sum(dim=1)).mean()

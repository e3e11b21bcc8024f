"""Contrastive losses on the two-part vector, one for each kind of row.

Each is a sentence-transformers loss: `forward(features, labels)` embeds the columns, and
`compute_loss_from_embeddings` is a pure function of tensors. sentence-transformers' own losses act
on one vector; these act on `(1-w) cos g + w cos p` and see both parts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad, softplus

# Columns whose padded widths differ by no more than this factor share a forward pass.
WIDTH_RATIO = 1.6
COSENT_SCALE = 20.0


class Parts(NamedTuple):
    """The general and the polarity part of a column of texts, each (batch, dimensions)."""

    general: Tensor
    polarity: Tensor


class TwoPartLoss(nn.Module, ABC):
    """What the losses share: embedding columns, similarity of the sum, distillation.

    Args:
        model: A SentenceTransformer of one `TwoPartEncoder`.
        weight: The weight w at which the sum is trained.
        temperature: Of the softmax in InfoNCE (van den Oord et al. 2018, arXiv 1807.03748).
        margin_scale: Width of the soft margin between a positive and its own hard negative.
        distillation: Weight of the relational distillation from *g* to *p*.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        weight: float,
        temperature: float,
        margin_scale: float,
        distillation: float,
    ) -> None:
        super().__init__()
        self.model = model
        self.weight = weight
        self.temperature = temperature
        self.margin_scale = margin_scale
        self.distillation = distillation

    def forward(
        self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor | None
    ) -> Tensor:
        """Embed the columns and compute the loss."""
        columns = embed_columns(self.model, list(sentence_features))
        return self.compute_loss_from_embeddings(columns, labels)

    @abstractmethod
    def compute_loss_from_embeddings(self, columns: list[Parts], labels: Tensor | None) -> Tensor:
        """Compute the loss of embedded columns, in the order of the row's columns."""

    def matrix(self, left: Parts, right: Parts) -> Tensor:
        """Similarities of all pairs, (left, right)."""
        general = left.general @ right.general.T
        return (1 - self.weight) * general + self.weight * left.polarity @ right.polarity.T

    def pairwise(self, left: Parts, right: Parts) -> Tensor:
        """Similarities of the texts in the same row, (batch,)."""
        general = (left.general * right.general).sum(dim=1)
        polarity = (left.polarity * right.polarity).sum(dim=1)
        return (1 - self.weight) * general + self.weight * polarity

    def own_negatives(self, anchor: Parts, positive: Parts, negatives: Sequence[Parts]) -> Tensor:
        """InfoNCE of each anchor over the batch's positives and its own hard negatives."""
        own = [self.pairwise(anchor, negative)[:, None] for negative in negatives]
        scores = torch.cat((self.matrix(anchor, positive), *own), dim=1)
        return cross_entropy(scores / self.temperature, diagonal(scores))

    def above(self, higher: Tensor, lower: Tensor) -> Tensor:
        """Soft margin that grows where `lower` comes near `higher`; both (batch,)."""
        return softplus((lower - higher) / self.margin_scale).mean()

    def distil(self, columns: Sequence[Parts]) -> Tensor:
        """Relational distillation: *p* keeps the similarities of *g* between unrelated rows.

        Pairs within a row are left out: there *p* must be free to disagree with *g*. The factor
        brings the mean square, of the order of 0.01, to the size of the other losses.
        """
        general = torch.cat([column.general for column in columns])
        polarity = torch.cat([column.polarity for column in columns])
        rows = torch.arange(len(columns[0].general), device=general.device).repeat(len(columns))
        apart = rows[:, None] != rows[None, :]
        difference = (polarity @ polarity.T - general @ general.T)[apart]
        return 100 * self.distillation * difference.square().mean()


class GroupLoss(TwoPartLoss):
    """Same above hedged above negated, for an anchor and its distilled group.

    Columns: anchor, positive_1, positive_2, negated_1 to negated_3, hedged, neutral.
    """

    def compute_loss_from_embeddings(self, columns: list[Parts], labels: Tensor | None) -> Tensor:
        """InfoNCE from two members of the class, the order within the group, and distillation."""
        anchor, first, second, *negated, hedged, neutral = columns
        others = [*negated, hedged, neutral]
        contrastive = self.own_negatives(anchor, first, others)
        contrastive = contrastive + self.own_negatives(first, second, others)
        order = self.order((anchor, first, second), negated, hedged)
        return contrastive + 0.5 * order + self.distil(columns)

    def order(self, same: Sequence[Parts], negated: Sequence[Parts], hedged: Parts) -> Tensor:
        """Soft margins: every same pair above every negated pair, the hedge in between."""
        anchor, first, second = same
        positives = [self.pairwise(anchor, first), self.pairwise(anchor, second)]
        denials = [self.pairwise(text, denial) for text in same[:2] for denial in negated]
        hedge = self.pairwise(anchor, hedged)
        terms = [self.above(high, low) for high in positives for low in denials]
        between = [self.above(high, hedge) for high in positives]
        between += [self.above(hedge, low) for low in denials[: len(negated)]]
        return torch.stack(terms).mean() + 0.5 * torch.stack(between).mean()


class ContrastLoss(TwoPartLoss):
    """Two queries and two near-twin passages, each passage met by one of them.

    Columns: query_a, query_b, doc_a, doc_b.
    """

    def compute_loss_from_embeddings(self, columns: list[Parts], labels: Tensor | None) -> Tensor:
        """InfoNCE both ways, a margin against the twin from both sides, and distillation."""
        query_a, query_b, doc_a, doc_b = columns
        queries, docs = stack(query_a, query_b), stack(doc_a, doc_b)
        scores = self.matrix(queries, docs)
        targets = diagonal(scores)
        own = scores.diagonal()
        twins = targets.roll(len(query_a.general))
        query_margin = self.above(own, scores[targets, twins])
        doc_margin = self.above(own, scores[twins, targets])
        both_ways = cross_entropy(scores / self.temperature, targets)
        both_ways = both_ways + cross_entropy(scores.T / self.temperature, targets)
        return both_ways + query_margin + doc_margin + self.distil(columns)


class ExclusionLoss(TwoPartLoss):
    """Passages that respect a query's exclusion above passages on its topic that do not.

    Columns: query, relevant_1, relevant_2, violating_1, violating_2.
    """

    def compute_loss_from_embeddings(self, columns: list[Parts], labels: Tensor | None) -> Tensor:
        """InfoNCE with the violating passages as own negatives, and their margins."""
        query, first, second, *violating = columns
        contrastive = self.own_negatives(query, first, violating)
        contrastive = contrastive + self.own_negatives(query, second, violating)
        margins = [
            self.above(self.pairwise(query, good), self.pairwise(query, bad))
            for good in (first, second)
            for bad in violating
        ]
        return 0.5 * contrastive + torch.stack(margins).mean()


class OrderLoss(TwoPartLoss):
    """CoSENT over the sum: a pair with a higher label is more similar. Columns: a, b.

    Su 2022 and Huang et al. 2024 (doi 10.1109/TASLP.2024.3402087); as in sentence-transformers.
    """

    def compute_loss_from_embeddings(self, columns: list[Parts], labels: Tensor | None) -> Tensor:
        """Order the pairs by their labels, and distil between the rows."""
        if labels is None:
            raise ValueError("ordered pairs need labels")
        left, right = columns
        scores = self.pairwise(left, right) * COSENT_SCALE
        differences = scores[None, :] - scores[:, None]
        violations = differences[labels[:, None] > labels[None, :]]
        cosent = torch.logsumexp(pad(violations, (1, 0)), dim=0)
        return cosent + self.distil(columns)


class GradedLoss(OrderLoss):
    """CoSENT on general similarity, where *p* must above all not drift. Columns: a, b."""

    def compute_loss_from_embeddings(self, columns: list[Parts], labels: Tensor | None) -> Tensor:
        """Half the order, three times the distillation of the labelled polarity pairs."""
        order = super().compute_loss_from_embeddings(columns, labels)
        return 0.5 * order + 2.5 * self.distil(columns)


class QuestionLoss(TwoPartLoss):
    """General relevance, so that *p* keeps it too. Columns: query, passage."""

    def compute_loss_from_embeddings(self, columns: list[Parts], labels: Tensor | None) -> Tensor:
        """In-batch InfoNCE on *p* within the sum, and distillation."""
        query, passage = columns
        return 0.5 * self.own_negatives(query, passage, []) + 3 * self.distil(columns)


LOSSES: dict[str, type[TwoPartLoss]] = {
    "groups": GroupLoss,
    "contrasts": ContrastLoss,
    "exclusions": ExclusionLoss,
    "polarity": OrderLoss,
    "inference": OrderLoss,
    "edits": OrderLoss,
    "graded": GradedLoss,
    "questions": QuestionLoss,
}


def diagonal(scores: Tensor) -> Tensor:
    """Targets of a softmax whose positives lie on the diagonal."""
    return torch.arange(len(scores), device=scores.device)


def stack(first: Parts, second: Parts) -> Parts:
    """Put one column below another."""
    return Parts(
        torch.cat((first.general, second.general)), torch.cat((first.polarity, second.polarity))
    )


def embed_columns(model: nn.Module, columns: list[dict[str, Tensor]]) -> list[Parts]:
    """Embed every column, those of like width in one forward pass.

    A pass over a few short texts wastes most of a processor, and padding queries to the width of
    passages wastes as much; so columns are grouped by width.
    """
    widths = [column["input_ids"].shape[1] for column in columns]
    order = sorted(range(len(columns)), key=widths.__getitem__)
    embedded: dict[int, Parts] = {}
    while order:
        limit = widths[order[0]] * WIDTH_RATIO
        taken = [index for index in order if widths[index] <= limit]
        order = order[len(taken) :]
        embedded.update(zip(taken, embed(model, [columns[i] for i in taken]), strict=True))
    return [embedded[index] for index in range(len(columns))]


def embed(model: nn.Module, columns: list[dict[str, Tensor]]) -> list[Parts]:
    """Embed columns in one forward pass, padded to the widest."""
    width = max(column["input_ids"].shape[1] for column in columns)
    sizes = [len(column["input_ids"]) for column in columns]
    features = {
        name: torch.cat(
            [pad(column[name], (0, width - column[name].shape[1])) for column in columns]
        )
        for name in ("input_ids", "attention_mask")
    }
    output = model(features)
    return [
        Parts(general, polarity)
        for general, polarity in zip(
            output["general"].split(sizes), output["polarity"].split(sizes), strict=True
        )
    ]

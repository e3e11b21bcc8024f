"""Contrastive losses on the two-part vector, one for each kind of row.

Each is a sentence-transformers loss: `forward(features, labels)` embeds the columns, and
`compute_loss_from_embeddings` is a pure function of tensors. sentence-transformers' own losses act
on one vector; these act on `(1-w) cos g + w cos p` and see both parts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import combinations
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import cross_entropy, pad, softplus

# Texts whose lengths differ by no more than this factor share a forward pass, unless too few do.
LENGTH_RATIO = 1.25
FEWEST = 8
COSENT_SCALE = 20.0
GROUP_ORDERS = ("margins", "cosent")


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


class TwoPartLoss(nn.Module, ABC):
    """What the losses share: embedding columns, similarity of the sum, distillation.

    Args:
        model: A SentenceTransformer of one `TwoPartEncoder`.
        weight: The weight w at which the sum is trained.
        temperature: Of the softmax in InfoNCE (van den Oord et al. 2018, arXiv 1807.03748).
        margin_scale: Width of the soft margin between a positive and its own hard negative.
        distillation: Weight of the relational distillation from *g* to *p*.
        hardness: How much more a row's own hard negatives weigh in the softmax where they come
            near: each by exp(hardness * similarity), without a gradient (Lan et al. 2025, "LLaVE",
            arXiv 2503.04812, as in EmbeddingGemma, arXiv 2509.20354).
        group_order: How a group is ordered: "margins", a soft margin for each pair of
            similarities, or "cosent", one CoSENT over same (1), hedged (0.5) and negated (0).
        teacher: The frozen base encoder as a two-part one, where *g* is trained; both parts are
            then distilled from it.
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
        teacher: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.teacher = teacher
        self.weight = weight
        self.temperature = temperature
        self.margin_scale = margin_scale
        self.distillation = distillation
        self.hardness = hardness
        self.group_order = group_order

    def forward(
        self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor | None
    ) -> Tensor:
        """Embed the columns and compute the loss."""
        columns = embed_columns(self.model, list(sentence_features), self.teacher)
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
        weights = self.hardness * torch.cat(own, dim=1).detach() if own else None
        scores = torch.cat((self.matrix(anchor, positive), *own), dim=1) / self.temperature
        if weights is not None:
            scores = scores + pad(weights, (len(scores), 0))
        return cross_entropy(scores, diagonal(scores))

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
        ordered = self.graded if self.group_order == "cosent" else self.order
        order = ordered((anchor, first, second), negated, hedged)
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

    def graded(self, same: Sequence[Parts], negated: Sequence[Parts], hedged: Parts) -> Tensor:
        """CoSENT over all pairs of the batch with an anchor: same above hedged above negated."""
        anchor, first, second = same
        others = {1.0: (first, second), 0.5: (hedged,), 0.0: tuple(negated)}
        scores = [self.pairwise(anchor, text) for texts in others.values() for text in texts]
        labels = [grade for grade, texts in others.items() for _ in texts]
        sizes = torch.tensor(labels, device=scores[0].device).repeat_interleave(len(scores[0]))
        return cosent(torch.cat(scores), sizes)


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
        """InfoNCE over all passages of the batch, margins over the violating, distillation.

        Without the passages of the other rows *p* learns the exclusion and forgets the topic.
        """
        query, first, second, *violating = columns
        own = [self.pairwise(query, passage) for passage in columns[1:]]
        margins = [self.above(good, bad) for good in own[:2] for bad in own[2:]]
        blocks = [self.matrix(query, passage) for passage in (first, second, *violating)]
        contrastive = self.without_twin(blocks) + self.without_twin(
            [blocks[1], blocks[0], *blocks[2:]]
        )
        return 0.5 * contrastive + torch.stack(margins).mean() + self.distil(columns)

    def without_twin(self, blocks: Sequence[Tensor]) -> Tensor:
        """InfoNCE whose positives are the first block's diagonal and not the second's."""
        positive, twin, *rest = blocks
        twin = twin.masked_fill(torch.eye(len(twin), dtype=torch.bool, device=twin.device), -1e4)
        scores = torch.cat((positive, twin, *rest), dim=1)
        return cross_entropy(scores / self.temperature, diagonal(scores))


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
    """CoSENT over the sum: a pair with a higher label is more similar. Columns: a, b.

    Su 2022 and Huang et al. 2024 (doi 10.1109/TASLP.2024.3402087); as in sentence-transformers.
    """

    def compute_loss_from_embeddings(self, columns: list[Parts], labels: Tensor | None) -> Tensor:
        """Order the pairs by their labels, and distil between the rows."""
        if labels is None:
            raise ValueError("ordered pairs need labels")
        left, right = columns
        return cosent(self.pairwise(left, right), labels) + self.distil(columns)


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


class GeneralLoss(TwoPartLoss):
    """Texts without labels, where *p* is to be as *g* is. Columns: related texts."""

    def compute_loss_from_embeddings(self, columns: list[Parts], labels: Tensor | None) -> Tensor:
        """Distil within the rows, where similarity is high, and between them."""
        pairs = combinations(columns, 2)
        errors = torch.stack([cosine_gap(left, right) for left, right in pairs])
        return 100 * self.distillation * errors.square().mean() + self.distil(columns)


LOSSES: dict[str, type[TwoPartLoss]] = {
    "groups": GroupLoss,
    "counterfactuals": GroupLoss,
    "surface": TripletLoss,
    "substitutions": TripletLoss,
    "contrasts": ContrastLoss,
    "exclusions": ExclusionLoss,
    "inclusions": ExclusionLoss,
    "keywords": ExclusionLoss,
    "triplets": TripletLoss,
    "polarity": OrderLoss,
    "inference": OrderLoss,
    "edits": OrderLoss,
    "graded": GradedLoss,
    "questions": QuestionLoss,
    "general": GeneralLoss,
}


def cosent(similarities: Tensor, labels: Tensor) -> Tensor:
    """CoSENT: every pair above those with a lower label; both (pairs,)."""
    scores = similarities * COSENT_SCALE
    differences = scores[None, :] - scores[:, None]
    violations = differences[labels[:, None] > labels[None, :]]
    return torch.logsumexp(pad(violations, (1, 0)), dim=0)


def cosine_gap(left: Parts, right: Parts) -> Tensor:
    """How much more similar *p* finds the texts of a row than *g* does, (batch,)."""
    found = (left.polarity * right.polarity).sum(dim=1)
    return found - (left.target * right.target).sum(dim=1)


def diagonal(scores: Tensor) -> Tensor:
    """Targets of a softmax whose positives lie on the diagonal."""
    return torch.arange(len(scores), device=scores.device)


def stack(first: Parts, second: Parts) -> Parts:
    """Put one column below another."""
    return joined((first, second))


def joined(parts: Sequence[Parts]) -> Parts:
    """Put any number of columns below one another."""
    general, polarity, base = zip(*parts, strict=True)
    return Parts(
        torch.cat(general), torch.cat(polarity), None if base[0] is None else torch.cat(base)
    )


def taken(parts: Parts, order: Tensor) -> Parts:
    """Take rows of a column."""
    return Parts(*(None if part is None else part[order] for part in parts))  # type: ignore[arg-type]


def embed_columns(
    model: nn.Module, columns: list[dict[str, Tensor]], teacher: nn.Module | None = None
) -> list[Parts]:
    """Embed every column, texts of like length in one forward pass whatever their column.

    Padding to the longest text of a column wastes half of the work on short texts beside passages.
    """
    width = max(column["input_ids"].shape[1] for column in columns)
    ids, mask = (
        torch.cat([pad(column[name], (0, width - column[name].shape[1])) for column in columns])
        for name in ("input_ids", "attention_mask")
    )
    lengths, order = mask.sum(dim=1).sort(stable=True)
    chunks = torch.split(order, alike(lengths.tolist()))
    parts = joined([embed(model, ids[chunk], mask[chunk], teacher) for chunk in chunks])
    rows = torch.split(order.argsort(), [len(column["input_ids"]) for column in columns])
    return [taken(parts, own) for own in rows]


def alike(lengths: Sequence[int]) -> list[int]:
    """Cut ascending lengths into runs of like length, and return the size of each run."""
    sizes: list[int] = []
    start = 0
    while start < len(lengths):
        limit = lengths[start] * LENGTH_RATIO
        within = sum(length <= limit for length in lengths[start:])
        sizes.append(min(max(within, FEWEST), len(lengths) - start))
        start += sizes[-1]
    return sizes


def embed(model: nn.Module, ids: Tensor, mask: Tensor, teacher: nn.Module | None = None) -> Parts:
    """Embed texts in one forward pass, padded to the longest of them."""
    width = int(mask.sum(dim=1).max())
    features = {"input_ids": ids[:, :width], "attention_mask": mask[:, :width]}
    with attention_kernel(ids.device):
        output = model(dict(features))
        if teacher is None:
            return Parts(output["general"], output["polarity"])
        with torch.no_grad():
            base = teacher(features)["general"]
    return Parts(output["general"], output["polarity"], base)


def attention_kernel(device: torch.device) -> AbstractContextManager[Any]:
    """Plain matrix products on a CPU: its fused attention goes backward at a third of the speed."""
    return sdpa_kernel(SDPBackend.MATH) if device.type == "cpu" else nullcontext()

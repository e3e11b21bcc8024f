"""Losses of the two heads: relations, of which a label may leave several, and relevance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from sentence_transformers import CrossEncoder
from sentence_transformers.util import batch_to_device
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from training.pair.relations import RELATIONS

OBJECTIVES = ("likelihood", "weighted", "dice")


class PairLoss(nn.Module):
    """A loss on the outputs of a cross-encoder.

    Args:
        model: The cross-encoder.
    """

    def __init__(self, model: CrossEncoder) -> None:
        super().__init__()
        self.model = model

    def outputs(self, pairs: Sequence[tuple[str, str]]) -> Tensor:
        """Run pairs; (pairs, outputs)."""
        tokens = batch_to_device(self.model.preprocess(list(pairs)), self.model.device)
        scores: Tensor = self.model(tokens)["scores"]
        return scores.float()


class PartialLabelLoss(PairLoss):
    """Loss of relations, of which a label may leave several possible.

    Args:
        model: The cross-encoder.
        objective: "likelihood" or "weighted" (`partial_label_loss`), or "dice" (`dice_loss`).
        weights: Weight of each relation, (relations,), where it is "weighted".
    """

    def __init__(
        self, model: CrossEncoder, objective: str = "likelihood", weights: Tensor | None = None
    ) -> None:
        super().__init__(model)
        self.objective = objective
        self.weights = weights

    def forward(self, inputs: list[list[str]], labels: Tensor, **_: Any) -> Tensor:
        """Run the pairs, whose texts are the two columns, and compute the loss."""
        first, second = inputs
        logits = self.outputs(list(zip(first, second, strict=True)))[:, : len(RELATIONS)]
        if self.objective == "dice":
            return dice_loss(logits, labels)
        return partial_label_loss(logits, labels, self.weights)


class RelevanceLoss(PairLoss):
    """The passage that answers a query above those that do not.

    The cross-entropy of a softmax over a query's passages (ListNet's with one relevant passage, Cao
    et al. 2007), and half of the binary cross-entropy of each, so that a sigmoid of the score means
    something across queries.

    What is ranked by is the sum of the output and of the base encoder's cosine at a fixed scale:
    the head has to learn what the cosine gets wrong, and need not learn again what it knows.

    Where the cosine has a passage far below the answer, nothing would hold the output to a value,
    and what chance gave there would move it among other passages of a search. `penalty` holds it.

    Args:
        model: The cross-encoder.
        similarity_scale: What the cosine is multiplied by.
        penalty: Weight of the variance of the output over a query's passages.
    """

    def __init__(
        self, model: CrossEncoder, similarity_scale: float = 0.0, penalty: float = 0.0
    ) -> None:
        super().__init__(model)
        self.similarity_scale = similarity_scale
        self.penalty = penalty

    def forward(
        self, inputs: list[list[str]], labels: Sequence[Tensor] | None = None, **_: Any
    ) -> Tensor:
        """Run the queries, the first column, with each of the other columns' passages.

        Args:
            inputs: Queries, then one column for each passage of a ranking.
            labels: For each query the cosine of each of its passages, (passages,); None without.
        """
        query, *passages = inputs
        pairs = [pair for column in passages for pair in zip(query, column, strict=True)]
        output = self.outputs(pairs)[:, len(RELATIONS)].view(len(passages), len(query)).T
        scores = output
        if labels is not None:
            cosines = torch.stack(list(labels)).to(output)
            scores = output + self.similarity_scale * cosines
        return relevance_loss(scores) + self.penalty * output.var(dim=1, correction=0).mean()


def relevance_loss(scores: Tensor) -> Tensor:
    """Loss of (queries, passages) scores, in whose first column are the passages that answer."""
    targets = torch.zeros_like(scores)
    targets[:, 0] = 1.0
    # Both classes weigh alike, however many passages do not answer.
    weights = torch.full_like(scores, 1 / (scores.shape[1] - 1))
    weights[:, 0] = 1.0
    binary = binary_cross_entropy_with_logits(scores, targets, weights, reduction="sum")
    listwise = cross_entropy(
        scores, torch.zeros(len(scores), dtype=torch.long, device=scores.device)
    )
    return listwise + 0.5 * binary / (2 * len(scores))


def partial_label_loss(logits: Tensor, masks: Tensor, weights: Tensor | None = None) -> Tensor:
    """Negative log of the probability that the relation is one of those possible.

    The likelihood of a set of labels (Jin and Ghahramani 2002, "Learning with Multiple Labels");
    with one possible label it is the ordinary cross-entropy.

    Args:
        logits: (batch, relations).
        masks: (batch,) bit masks of the possible relations.
        weights: Of the relations; a row counts for the mean of those of its possible ones.
    """
    possible = possible_relations(masks)
    allowed = torch.logsumexp(logits.masked_fill(~possible, float("-inf")), dim=1)
    losses = torch.logsumexp(logits, dim=1) - allowed
    if weights is None:
        return losses.mean()
    rows = (possible * weights.to(logits.device)).sum(dim=1) / possible.sum(dim=1)
    return (rows * losses).sum() / rows.sum()


def dice_loss(logits: Tensor, masks: Tensor, *, smoothing: float = 1.0) -> Tensor:
    """Soft Dice loss over the batch, summed over the relations.

    Li et al. 2020 (arXiv 1911.02855) without their factor (1 - p), as in the defaults of their
    code: with it, a relation that is sure and right costs more than one at a probability of a half.
    Each relation is one against the rest, over the rows whose label settles it: a row whose label
    leaves it possible among others says nothing of it.

    Args:
        logits: (batch, relations).
        masks: (batch,) bit masks of the possible relations.
        smoothing: The paper's gamma.
    """
    possible = possible_relations(masks)
    settled = ~possible | (possible.sum(dim=1, keepdim=True) == 1)
    probability = logits.softmax(dim=1) * settled
    overlap = 2 * (probability * possible).sum(dim=0) + smoothing
    total = probability.sum(dim=0) + (possible & settled).sum(dim=0) + smoothing
    return (1 - overlap / total).sum()


def possible_relations(masks: Tensor) -> Tensor:
    """Bit masks as truth values, (batch, relations)."""
    bits = 1 << torch.arange(len(RELATIONS), device=masks.device)
    return (masks.long()[:, None] & bits[None, :]) != 0


def balanced_weights(masks: Tensor) -> Tensor:
    """Weights of the relations, inverse to how often they are possible, with a mean of 1."""
    possible = possible_relations(masks).float()
    share = (possible / possible.sum(dim=1, keepdim=True)).mean(dim=0)
    weights = 1 / share.clamp(min=1e-3)
    return weights / weights.mean()

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
    """Negative log of the probability that the relation is one of those possible.

    The likelihood of a set of labels (Jin and Ghahramani 2002, "Learning with Multiple Labels");
    with one possible label it is the ordinary cross-entropy.
    """

    def forward(self, inputs: list[list[str]], labels: Tensor, **_: Any) -> Tensor:
        """Run the pairs, whose texts are the two columns, and compute the loss."""
        first, second = inputs
        logits = self.outputs(list(zip(first, second, strict=True)))
        return partial_label_loss(logits[:, : len(RELATIONS)], labels)


class RelevanceLoss(PairLoss):
    """The passage that answers a query above those that do not.

    The cross-entropy of a softmax over a query's passages (ListNet's with one relevant passage, Cao
    et al. 2007), and half of the binary cross-entropy of each, so that a sigmoid of the score means
    something across queries.
    """

    def forward(self, inputs: list[list[str]], labels: Tensor | None = None, **_: Any) -> Tensor:
        """Run the queries, the first column, with each of the other columns' passages."""
        query, *passages = inputs
        pairs = [pair for column in passages for pair in zip(query, column, strict=True)]
        relevance = self.outputs(pairs)[:, len(RELATIONS)]
        return relevance_loss(relevance.view(len(passages), len(query)).T)


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


def partial_label_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Mean loss of (batch, classes) logits; `masks` (batch,) are bit masks of possible classes."""
    bits = 1 << torch.arange(len(RELATIONS), device=logits.device)
    possible = (masks.long()[:, None] & bits[None, :]) != 0
    allowed = torch.logsumexp(logits.masked_fill(~possible, float("-inf")), dim=1)
    return (torch.logsumexp(logits, dim=1) - allowed).mean()

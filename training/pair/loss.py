"""Cross-entropy when a label is a set of classes, not one."""

from __future__ import annotations

from typing import Any

import torch
from sentence_transformers import CrossEncoder
from sentence_transformers.util import batch_to_device
from torch import Tensor, nn

from training.pair.relations import RELATIONS


class PartialLabelLoss(nn.Module):
    """Negative log of the probability that the relation is one of those possible.

    The likelihood of a set of labels (Jin and Ghahramani 2002, "Learning with Multiple Labels");
    with one possible label it is the ordinary cross-entropy.

    Args:
        model: The cross-encoder.
    """

    def __init__(self, model: CrossEncoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: list[list[str]], labels: Tensor, **_: Any) -> Tensor:
        """Run the pairs, whose texts are the two columns, and compute the loss."""
        pairs = list(zip(*inputs, strict=True))
        tokens = batch_to_device(self.model.preprocess(pairs), self.model.device)
        return partial_label_loss(self.model(tokens)["scores"].float(), labels)


def partial_label_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Mean loss of (batch, classes) logits; `masks` (batch,) are bit masks of possible classes."""
    bits = 1 << torch.arange(len(RELATIONS), device=logits.device)
    possible = (masks.long()[:, None] & bits[None, :]) != 0
    allowed = torch.logsumexp(logits.masked_fill(~possible, float("-inf")), dim=1)
    return (torch.logsumexp(logits, dim=1) - allowed).mean()

"""Averages of encoders that started from the same weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from training.two_part import TwoPartEncoder

# From the name of a tensor and its values in all encoders, (encoders, ...), to the fused one.
Combine = Callable[[str, Tensor], Tensor]
FUSIONS = ("mean", "delta")


def average(encoders: Sequence[TwoPartEncoder]) -> TwoPartEncoder:
    """Average the weights of encoders of one shape, in place of the first's (a model soup).

    Wortsman et al. 2022, arXiv 2203.05482. Runs from one start lie in one basin, so that their mean
    is as good as an ensemble of them, at the cost of one.
    """
    return combined(encoders, lambda _, weights: weights.mean(dim=0))


def delta_average(encoders: Sequence[TwoPartEncoder], base: TwoPartEncoder) -> TwoPartEncoder:
    """Average the changes to the base, each tensor's by how far the encoder moved it.

    Delta-guided fusion of CoDiEmb (arXiv 2508.11442), whose formula was not found. A reading: an
    encoder's share in a tensor is the norm of its change over the sum of all encoders' norms. The
    projection, which the base lacks, is averaged evenly.
    """
    origin = base.state_dict()

    def combine(name: str, weights: Tensor) -> Tensor:
        if name.startswith("projection."):
            return weights.mean(dim=0)
        changes = weights - origin[name].float()
        norms = changes.flatten(start_dim=1).norm(dim=1)
        # Equal, and of nothing, where no encoder moved the tensor.
        shares = norms / norms.sum().clamp(min=torch.finfo(norms.dtype).tiny)
        return origin[name].float() + torch.tensordot(shares, changes, dims=1)

    return combined(encoders, combine)


def combined(encoders: Sequence[TwoPartEncoder], combine: Combine) -> TwoPartEncoder:
    """Combine the weights of encoders of one shape, in place of the first's."""
    states = [encoder.state_dict() for encoder in encoders]
    fused = {
        name: combine(name, torch.stack([state[name].float() for state in states])).to(weight.dtype)
        for name, weight in states[0].items()
    }
    encoders[0].load_state_dict(fused)
    return encoders[0]

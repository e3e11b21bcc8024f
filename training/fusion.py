"""Averages of models that started from the same weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

Model = TypeVar("Model", bound=nn.Module)

# From the name of a tensor and its values in all models, (models, ...), to the fused one.
Combine = Callable[[str, Tensor], Tensor]
FUSIONS = ("mean", "delta")


def average(models: Sequence[Model]) -> Model:
    """Average the weights of models of one shape, in place of the first's (a model soup).

    Wortsman et al. 2022, arXiv 2203.05482. Runs from one start lie in one basin, so that their mean
    is as good as an ensemble of them, at the cost of one.

    Raises:
        ValueError: They have different shapes.
    """
    return combined(models, lambda _, weights: weights.mean(dim=0))


def delta_average(models: Sequence[Model], base: Model) -> Model:
    """Average the changes to the base, each tensor's by how far the model moved it.

    Delta-guided fusion of CoDiEmb (arXiv 2508.11442), whose formula was not found. A reading: an
    model's share in a tensor is the norm of its change over the sum of all models' norms. The
    projection, which the base lacks, is averaged evenly.
    """
    origin = base.state_dict()

    def combine(name: str, weights: Tensor) -> Tensor:
        if name.startswith("projection."):
            return weights.mean(dim=0)
        changes = weights - origin[name].float()
        norms = changes.flatten(start_dim=1).norm(dim=1)
        # Equal, and of nothing, where no model moved the tensor.
        shares = norms / norms.sum().clamp(min=torch.finfo(norms.dtype).tiny)
        return origin[name].float() + torch.tensordot(shares, changes, dims=1)

    return combined(models, combine)


def combined(models: Sequence[Model], combine: Combine) -> Model:
    """Combine the weights of models of one shape, in place of the first's."""
    states = [model.state_dict() for model in models]
    shapes = [{name: weight.shape for name, weight in state.items()} for state in states]
    if any(shape != shapes[0] for shape in shapes):
        raise ValueError("start: the checkpoints have different shapes, which have no average")
    fused = {
        name: combine(name, torch.stack([state[name].float() for state in states])).to(weight.dtype)
        for name, weight in states[0].items()
    }
    models[0].load_state_dict(fused)
    return models[0]

"""Averages of models that started from the same weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import nn

Model = TypeVar("Model", bound=nn.Module)


def average(models: Sequence[Model]) -> Model:
    """Average the weights of models of one shape, in place of the first's (a model soup).

    Wortsman et al. 2022, arXiv 2203.05482. Runs from one start lie in one basin, so that their mean
    is as good as an ensemble of them, at the cost of one.

    Raises:
        ValueError: They have different shapes.
    """
    states = [model.state_dict() for model in models]
    shapes = [{name: weight.shape for name, weight in state.items()} for state in states]
    if any(shape != shapes[0] for shape in shapes):
        raise ValueError("start: the checkpoints have different shapes, which have no average")
    mean = {
        name: torch.stack([state[name].float() for state in states]).mean(dim=0).to(weight.dtype)
        for name, weight in states[0].items()
    }
    models[0].load_state_dict(mean)
    return models[0]

"""Averages of encoders that started from the same weights."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from training.two_part import TwoPartEncoder


def average(encoders: Sequence[TwoPartEncoder]) -> TwoPartEncoder:
    """Average the weights of encoders of one shape, in place of the first's (a model soup).

    Wortsman et al. 2022, arXiv 2203.05482. Runs from one start lie in one basin, so that their mean
    is as good as an ensemble of them, at the cost of one.
    """
    states = [encoder.state_dict() for encoder in encoders]
    mean = {
        name: torch.stack([state[name].float() for state in states]).mean(dim=0).to(weight.dtype)
        for name, weight in states[0].items()
    }
    encoders[0].load_state_dict(mean)
    return encoders[0]

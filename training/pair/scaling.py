"""Calibration of logits: one temperature and a bias for each relation, chosen on dev rows.

Guo et al. 2017 (arXiv 1706.04599) call it vector scaling when every class has a factor of its own
as well; one factor for all keeps the order of what is sure and what is not. The biases mend what
the mix of the training pairs, which is not that of the dev rows, does to the relations' odds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

from training.pair.relations import RELATIONS

Logits = NDArray[np.float32]

# Weight of the squared biases in the loss: with few rows they stay small.
REGULARISATION = 0.0001


@dataclass(frozen=True)
class Scaling:
    """Logits are divided by the temperature, then the biases are added."""

    temperature: float = 1.0
    biases: tuple[float, ...] = (0.0,) * len(RELATIONS)

    def apply(self, logits: Logits) -> Logits:
        """Scale (pairs, relations) logits."""
        return (logits / self.temperature + np.array(self.biases)).astype(np.float32)

    def undo(self, logits: Logits) -> Logits:
        """Return the logits that `apply` made these of."""
        return ((logits - np.array(self.biases)) * self.temperature).astype(np.float32)


def fit_scaling(logits: Logits, relations: NDArray[np.int64]) -> Scaling:
    """Find the scaling that makes the relations most likely.

    Args:
        logits: (pairs, relations).
        relations: (pairs,) index of the relation that holds.
    """

    def loss(parameters: NDArray[np.float64]) -> float:
        scaled = logits / np.exp(parameters[0]) + parameters[1:]
        likelihood = log_softmax(scaled, axis=1)[np.arange(len(relations)), relations]
        return float(REGULARISATION * np.square(parameters[1:]).sum() - likelihood.mean())

    found = minimize(loss, np.zeros(1 + len(RELATIONS)), method="BFGS").x
    biases = found[1:] - found[1:].mean()
    return Scaling(float(np.exp(found[0])), tuple(float(bias) for bias in biases))

"""Texts as directions in a plane, so that similarities are cosines that one can see."""

from __future__ import annotations

from collections.abc import Sequence
from math import acos, cos, degrees, radians, sin

import torch
from torch import Tensor

from training.losses.parts import Parts


def at(*angles: float, general: Sequence[float] | None = None) -> Parts:
    """A column of texts at these angles, in degrees; *g* may lie at others."""
    return Parts(directions(angles if general is None else general), directions(angles))


def directions(angles: Sequence[float]) -> Tensor:
    """Unit vectors at angles in degrees, (angles, 2), which take a gradient."""
    rows = [[cos(radians(angle)), sin(radians(angle))] for angle in angles]
    return torch.tensor(rows, dtype=torch.float64, requires_grad=True)


def angle_of(cosine: float) -> float:
    """The angle, in degrees, that has this cosine."""
    return degrees(acos(cosine))

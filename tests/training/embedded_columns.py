"""Losses of each kind of row, and columns of random vectors for them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from reference_losses import BATCH, DISTILLATION, SCALE, TEMPERATURE, WEIGHT
from torch import Tensor, nn

from training.losses.base import TwoPartLoss
from training.losses.kinds import LOSSES
from training.losses.parts import Parts

COLUMNS = {
    "groups": 8,
    "contrasts": 4,
    "exclusions": 5,
    "inclusions": 5,
    "keywords": 5,
    "polarity": 2,
    "graded": 2,
    "questions": 2,
    "triplets": 3,
    "general": 4,
}


def make(
    kind: str,
    *,
    distillation: float = DISTILLATION,
    hardness: float = 0.0,
    **options: str,
) -> TwoPartLoss:
    """The loss of a kind of row, for vectors that are there already."""
    return LOSSES[kind](
        nn.Identity(),
        weight=WEIGHT,
        temperature=TEMPERATURE,
        margin_scale=SCALE,
        distillation=distillation,
        hardness=hardness,
        **options,
    )


def raw_columns(count: int) -> list[Parts]:
    """Columns of vectors that are not yet of unit length: general (4, 40), polarity (4, 32)."""
    generator = torch.Generator().manual_seed(count)
    return [
        Parts(
            torch.randn(BATCH, 40, generator=generator), torch.randn(BATCH, 32, generator=generator)
        )
        for _ in range(count)
    ]


def unit(columns: Sequence[Parts]) -> list[Parts]:
    normalize = nn.functional.normalize
    return [
        Parts(normalize(column.general, dim=1), normalize(column.polarity, dim=1))
        for column in columns
    ]


def labels_of(kind: str) -> Tensor | None:
    return torch.tensor([0.1, 0.9, 0.5, 0.5]) if COLUMNS[kind] == 2 else None

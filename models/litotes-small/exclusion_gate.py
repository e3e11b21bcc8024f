"""The gate that tells which texts exclude something, and what it does to these.

Knows nothing of the rest of the project: the file is copied into model folders, beside
`two_part.py`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

# The logit of a gate that was not fitted yet: nothing of it is left in a float32 weight.
CLOSED = -20.0
# Of the turn's matrix, which whole would take the folder over its 64 MB.
RANK = 96


class ExclusionGate(nn.Module):
    """Tells by both parts whether a text excludes something, and gives such a text a larger weight.

    Where there is a turn, it also moves *p* of such a text: from what the query says, a linear map
    foretells in which direction its relevant passages lie of those that violate it. A contrastive
    loss teaches that to the queries it sees, and they are soon learnt by heart.

    It starts closed, and no gradient moves it: it is fitted to finished vectors (`training.gating`,
    `training.turning`).

    Args:
        general_dimensions: Width of *g*.
        polarity_dimensions: Width of *p*.
        exclusion_weight: The weight of a text for which it is wholly open.
        turn: How far *p* of such a text is moved, in lengths of *p*; at 0 there is no turn.
    """

    def __init__(
        self,
        general_dimensions: int,
        polarity_dimensions: int,
        exclusion_weight: float,
        turn: float = 0.0,
    ) -> None:
        super().__init__()
        both = general_dimensions + polarity_dimensions
        self.exclusion_weight, self.turn = exclusion_weight, turn
        self.opening = nn.Linear(both, 1)
        nn.init.zeros_(self.opening.weight)
        nn.init.constant_(self.opening.bias, CLOSED)
        rank = min(RANK, polarity_dimensions)
        self.direction = (
            nn.Sequential(nn.Linear(both, rank, bias=False), nn.Linear(rank, polarity_dimensions))
            if turn
            else None
        )
        self.requires_grad_(False)

    def opened(self, general: Tensor, polarity: Tensor) -> Tensor:
        """How far it is open for each text, (batch, 1), from 0 to 1.

        Args:
            general: *g* of unit length, (batch, dimensions).
            polarity: *p* of unit length, not turned, (batch, dimensions).
        """
        # Under autocast the logit has half precision, too little for two parts of one length.
        return self.opening(torch.cat((general, polarity), dim=-1)).float().sigmoid()

    def turned(self, general: Tensor, polarity: Tensor, opened: Tensor) -> Tensor:
        """Move *p* as far as the gate is open, (batch, dimensions), of unit length.

        Args:
            general: *g* of unit length, (batch, dimensions).
            polarity: *p* of unit length, (batch, dimensions).
            opened: How far the gate is open, (batch, 1).
        """
        if self.direction is None:
            return polarity
        towards = self.direction(torch.cat((general, polarity), dim=-1)).float()
        return normalize(polarity + self.turn * opened * normalize(towards, dim=-1), dim=-1)

    def weights(self, opened: Tensor, negation_weight: float) -> Tensor:
        """The weight of each text, (batch, 1), from the negation weight to the exclusion weight.

        Args:
            opened: How far the gate is open, (batch, 1).
            negation_weight: The weight of a text for which the gate is closed.
        """
        return negation_weight + (self.exclusion_weight - negation_weight) * opened

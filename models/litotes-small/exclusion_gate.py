"""The gate that gives a text which excludes something a larger weight of its polarity part.

Knows nothing of the rest of the project: the file is copied into model folders, beside
`two_part.py`.
"""

from __future__ import annotations

from torch import Tensor, nn

# The logit of a gate that was not fitted yet: nothing of it is left in a float32 weight.
CLOSED = -20.0


class ExclusionGate(nn.Linear):
    """Tells by *p* whether a text excludes something, as a logit.

    It starts closed, so that all texts have the negation weight, and no gradient moves it: it is
    fitted as a classifier (`training.gating`).

    Args:
        dimensions: Width of *p*.
        exclusion_weight: The weight of a text for which it is wholly open.
    """

    def __init__(self, dimensions: int, exclusion_weight: float) -> None:
        super().__init__(dimensions, 1)
        self.exclusion_weight = exclusion_weight
        nn.init.zeros_(self.weight)
        nn.init.constant_(self.bias, CLOSED)
        self.requires_grad_(False)

    def weights(self, polarity: Tensor, negation_weight: float) -> Tensor:
        """The weight of each text, (batch, 1), from the negation weight to the exclusion weight.

        Args:
            polarity: *p* of unit length, (batch, dimensions).
            negation_weight: The weight of a text for which the gate is closed.
        """
        # Under autocast the logit has half precision, too little for two parts of one length.
        opened = self(polarity).float().sigmoid()
        return negation_weight + (self.exclusion_weight - negation_weight) * opened

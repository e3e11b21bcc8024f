"""Cues bound to what they negate: the tokens of both become one.

Knows nothing of the rest of the project: the file is copied into model folders, beside
`two_part.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

# Stands in the table for any token, after the end of a phrase.
ANY = -1


class CueBinding(nn.Module):
    """Gives a cue phrase and the word piece after it one vector, their mean.

    NegToMe (arXiv 2510.13232) merges, in a text encoder's input, a cue with the words that it
    negates, so that "not" and "open" are no longer seen apart. Its way to find these words and its
    weights were not found in the form needed here; this is a reading of it. The tokens stay as many
    as they were: each of a phrase has the mean in its place, so that masks and lengths hold.

    Args:
        phrases: The token ids of each phrase, at least one phrase.
    """

    table: Tensor
    sizes: Tensor

    def __init__(self, phrases: Sequence[Sequence[int]]) -> None:
        super().__init__()
        longest = max(map(len, phrases))
        table = [[*phrase, *[ANY] * (longest - len(phrase))] for phrase in phrases]
        self.register_buffer("table", torch.tensor(table), persistent=False)
        sizes = torch.tensor([len(phrase) for phrase in phrases])
        self.register_buffer("sizes", sizes, persistent=False)

    def forward(self, hidden: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
        """Bind the cues of a batch, (batch, tokens, hidden).

        Args:
            hidden: The token vectors, (batch, tokens, hidden).
            ids: The tokens, (batch, tokens).
            mask: 1 for tokens, 0 for padding, (batch, tokens).
        """
        spans = self.spans(ids, mask).to(hidden.dtype)
        means = spans @ hidden / spans.sum(dim=2, keepdim=True).clamp(min=1)
        # How many spans a token is in: two, where one cue negates another.
        covering = spans.sum(dim=1)[:, :, None]
        bound = spans.transpose(1, 2) @ means / covering.clamp(min=1)
        return torch.where(covering > 0, bound, hidden)

    def spans(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Which tokens belong to the cue that starts at one, (batch, start, token).

        Of the phrases that start at a token the longest counts. The special token that ends a text
        belongs to none.
        """
        tokens, longest = ids.shape[1], self.table.shape[1]
        # Not by `pad`, which the exporter to ONNX writes with a slice that it warns of.
        ahead = torch.cat((ids, ids.new_full((ids.shape[0], longest), ANY)), dim=1)
        windows = torch.stack([ahead[:, step : step + tokens] for step in range(longest)], dim=-1)
        found = ((windows[:, :, None] == self.table) | (self.table == ANY)).all(dim=-1)
        lengths = torch.where(found, self.sizes + 1, 0).amax(dim=-1)
        places = torch.arange(tokens, device=ids.device)
        steps = places[None, :] - places[:, None]
        inside = (steps >= 0) & (steps < lengths[:, :, None])
        return inside & (places < mask.sum(dim=1, keepdim=True) - 1)[:, None, :]

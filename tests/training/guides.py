"""What the tests of losses with a guide share."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor

from training.losses.base import TwoPartLoss

Columns = Sequence[Sequence[str]]


def tokenized(model: SentenceTransformer, columns: Columns) -> list[dict[str, Tensor]]:
    """The texts of each column as a loss gets them."""
    return [dict(model.preprocess(list(texts))) for texts in columns]


def polarity(model: SentenceTransformer, texts: Sequence[str]) -> Tensor:
    """The polarity parts as the model gives them now."""
    found: Tensor = model.eval()[0](dict(model.preprocess(list(texts))))["polarity"]
    return found


def learn(loss: TwoPartLoss, model: SentenceTransformer, columns: Columns) -> list[float]:
    """Train on the columns; the loss of each step. The guide must stay as it was."""
    assert loss.guide is not None
    was = {name: weight.clone() for name, weight in loss.guide.state_dict().items()}
    learnt = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.Adam(learnt, lr=1e-3)
    losses = []
    for _ in range(25):
        optimizer.zero_grad()
        value = loss(tokenized(model, columns), None)
        value.backward()
        optimizer.step()
        losses.append(value.item())
    for name, weight in loss.guide.state_dict().items():
        assert torch.equal(weight, was[name])
    return losses

"""Contrasts with both of their queries and both of their passages, for the relevance output."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import torch

from training import corpus
from training.pair.config import RankingKind
from training.pair.loss import PairLoss, relevance_loss
from training.pair.relations import RELATIONS
from training.row import Row, last, passes
from training.rows import passages_of

# The source's name in a run's table of rankings.
CROSSED = "crossed"


@dataclass(frozen=True)
class Crossed:
    """Two queries and two passages, of which each answers the query of its letter alone."""

    query_a: str
    query_b: str
    doc_a: str
    doc_b: str

    def columns(self) -> Row:
        """The texts as a row of a data set."""
        return asdict(self)

    def __len__(self) -> int:
        """Characters of all that is run for it."""
        return 2 * sum(len(str(text)) for text in self.columns().values())


def draw(kind: RankingKind, steps: int, seed: int) -> list[Crossed]:
    """Draw contrasts for a run."""
    rng = random.Random(f"{seed}/ranking/{CROSSED}")
    rows = passes(last(corpus.contrasts("train"), kind.latest), rng)
    count = round(steps * kind.share) * kind.rows
    return [
        Crossed(row.query_a, row.query_b, *passages_of(row, rng, kind.cropped, kind.around))
        for row in islice(rows, count)
    ]


class CrossedLoss(PairLoss):
    """Each query's own passage above the other one, and each passage's own query.

    Of two near-twins one is often preferred whatever is asked, and one query by whatever passage.
    Seen from either query and either passage such preferences cancel out within a step; what is
    left to learn is which belongs to which. The encoder's cosine has no part in it, so that rows
    that the encoder has seen leave as much to learn as those that it has not.
    """

    def forward(self, inputs: list[list[str]], labels: Any = None, **_: Any) -> torch.Tensor:
        """Run both queries of each row, the first two columns, with both passages."""
        query_a, query_b, doc_a, doc_b = inputs
        pairs = [
            pair
            for queries in (query_a, query_b)
            for passages in (doc_a, doc_b)
            for pair in zip(queries, passages, strict=True)
        ]
        output = self.outputs(pairs)[:, len(RELATIONS)].view(2, 2, len(query_a))
        # Each query's and each passage's own match first.
        by_query = torch.stack((output[0], output[1].flip(0))).transpose(1, 2).flatten(0, 1)
        by_passage = torch.stack((output[:, 0], output[:, 1].flip(0))).transpose(1, 2).flatten(0, 1)
        return (relevance_loss(by_query) + relevance_loss(by_passage)) / 2

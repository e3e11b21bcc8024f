"""The losses of queries and passages."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from training.losses.base import TwoPartLoss
from training.losses.candidates import Candidates
from training.losses.contrastive import diagonal
from training.losses.parts import Parts, joined


class ContrastLoss(TwoPartLoss):
    """Two queries and two near-twin passages, each passage met by one of them.

    Columns: query_a, query_b, doc_a, doc_b.
    """

    def compute_loss_from_embeddings(self, columns: list[Parts], labels: Tensor | None) -> Tensor:
        """InfoNCE both ways, a margin against the twin from both sides, and distillation."""
        query_a, query_b, doc_a, doc_b = columns
        queries, docs = joined((query_a, query_b)), joined((doc_a, doc_b))
        scores = self.matrix(queries, docs)
        targets = diagonal(scores)
        own = scores.diagonal()
        twins = targets.roll(len(query_a.general))
        query_margin = self.above(own, scores[targets, twins])
        doc_margin = self.above(own, scores[twins, targets])
        of_twins = twins[:, None] == targets[None, :]
        both_ways = self.contrast(Candidates(queries, docs, own=of_twins))
        both_ways = both_ways + self.contrast(Candidates(docs, queries, own=of_twins))
        return both_ways + query_margin + doc_margin + self.distil(columns)


class ExclusionLoss(TwoPartLoss):
    """Passages that respect a query's exclusion above passages on its topic that do not.

    Columns: query, relevant_1, relevant_2, violating_1, violating_2.
    """

    def compute_loss_from_embeddings(self, columns: list[Parts], labels: Tensor | None) -> Tensor:
        """InfoNCE over all passages of the batch, margins over the violating, distillation.

        Without the passages of the other rows *p* learns the exclusion and forgets the topic.
        """
        query, first, second, *violating = columns
        own = [self.pairwise(query, passage) for passage in columns[1:]]
        margins = [self.above(good, bad) for good in own[:2] for bad in own[2:]]
        contrastive = self.without_twin(query, (first, second, *violating))
        contrastive = contrastive + self.without_twin(query, (second, first, *violating))
        return 0.5 * contrastive + torch.stack(margins).mean() + self.distil(columns)

    def without_twin(self, query: Parts, passages: Sequence[Parts]) -> Tensor:
        """InfoNCE whose positives are the first passages, and whose second are no candidates."""
        row = torch.eye(len(query.general), dtype=torch.bool, device=query.general.device)
        none = torch.zeros_like(row)
        violating = [row] * len(passages[2:])
        return self.contrast(
            Candidates(
                query,
                joined(passages),
                own=torch.cat((none, none, *violating), dim=1),
                out=torch.cat((none, row, *[none] * len(violating)), dim=1),
            )
        )


class QuestionLoss(TwoPartLoss):
    """General relevance, so that *p* keeps it too. Columns: query, passage."""

    def compute_loss_from_embeddings(self, columns: list[Parts], labels: Tensor | None) -> Tensor:
        """In-batch InfoNCE on *p* within the sum, and distillation."""
        query, passage = columns
        return 0.5 * self.own_negatives(query, passage, []) + 3 * self.distil(columns)

"""InfoNCE over a row's candidates, and what the literature makes of the negatives in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from training.losses.candidates import Candidates
from training.losses.parts import whole

# HNCSE: negatives that are mixed (k), share of either in a mixture (alpha).
HARDEST, EVEN = 10, 0.5
# HNCSE PM: how near, relative to the positive's similarity, the hardest negative is mixed in, and
# its share; the authors search both weights by the batch, which costs thousands of trials.
NEAR, SHARE = 0.1, 0.1
# TopK-PercPos: share of the positive's similarity; Qwen3: margin above it.
PERCENT_OF_POSITIVE, ABOVE_POSITIVE = 0.95, 0.1
LEAST = 1e-6


class Softmax(NamedTuple):
    """The weight *w* of the sum, the temperature, and the hardness of own negatives."""

    weight: float
    temperature: float
    hardness: float = 0.0


Contrastive = Callable[[Candidates, Softmax], Tensor]


def info_nce(candidates: Candidates, softmax: Softmax) -> Tensor:
    """InfoNCE with all candidates (van den Oord et al. 2018, arXiv 1807.03748)."""
    scores = logits(candidates.similarities(softmax.weight), candidates, softmax)
    return cross_entropy(scores, diagonal(scores))


def hard_mixing(candidates: Candidates, softmax: Softmax) -> Tensor:
    """InfoNCE with mixtures of each row's hardest negatives as further ones (HNCSE HNM).

    arXiv 2411.12156. The authors draw 40 pairs from the ten nearest negatives; these are all 45.
    A row's own hard negatives come first among the ten, however near they are. What is mixed is the
    vector as it is served, and the gradient flows through the mixture.
    """
    similarities = candidates.similarities(softmax.weight)
    ranks = similarities.detach().masked_fill(candidates.positive(), -torch.inf)
    count = min(HARDEST, int(ranks.isfinite().sum(dim=1).min()))
    ranks = ranks + 2.0 * candidates.hard()  # above any similarity
    nearest = ranks.topk(count, dim=1).indices
    vectors = candidates.vectors(softmax.weight)
    hard = vectors.gather(1, nearest[:, :, None].expand(-1, -1, vectors.shape[2]))
    first, second = torch.combinations(torch.arange(count, device=hard.device), 2).unbind(dim=1)
    mixed = normalize(EVEN * hard[:, first] + (1 - EVEN) * hard[:, second], dim=2)
    anchor = whole(candidates.anchor, softmax.weight)
    further = (anchor[:, None] * mixed).sum(dim=2) / softmax.temperature
    scores = torch.cat((logits(similarities, candidates, softmax), further), dim=1)
    return cross_entropy(scores, diagonal(scores))


def positive_mixing(candidates: Candidates, softmax: Softmax) -> Tensor:
    """InfoNCE whose positives have their row's hardest negative mixed in (HNCSE PM).

    arXiv 2411.12156. The hardest negative may be the row's own, so that an anchor is pulled towards
    its denial. Readings: the searched weights are fixed (`SHARE`), and no gradient flows through
    any weight.
    """
    similarities = candidates.similarities(softmax.weight)
    positive = similarities.diagonal().detach()
    rivals = similarities.detach().masked_fill(candidates.positive(), -torch.inf)
    hardest, nearest = rivals.max(dim=1)
    share = mixed_share(positive, hardest)[:, None]
    vectors, rows = candidates.vectors(softmax.weight), diagonal(similarities)
    mixed = normalize((1 - share) * vectors[rows, rows] + share * vectors[rows, nearest], dim=1)
    to_mixed = whole(candidates.anchor, softmax.weight) @ mixed.T
    similarities = torch.cat((to_mixed, similarities[:, len(rows) :]), dim=1)
    scores = logits(similarities, candidates, softmax)
    return cross_entropy(scores, rows)


def mixed_share(positive: Tensor, hardest: Tensor) -> Tensor:
    """Share of the hardest negative in HNCSE PM's mixture, (rows,).

    A fixed one where it comes near the positive, none where it is far, and its share of both
    similarities where it is above the positive.
    """
    positive, hardest = positive.clamp(min=LEAST), hardest.clamp(min=LEAST)
    near = (positive - hardest) / positive <= NEAR
    above = hardest >= positive
    return torch.where(above, hardest / (positive + hardest), SHARE * near)


def filtered(limit: Callable[[Tensor], Tensor], *, exempt: bool) -> Contrastive:
    """Make InfoNCE without the negatives that the base encoder places above a limit.

    Args:
        limit: From the positives' similarities to the anchor, (rows, 1), to the highest that a
            negative may have.
        exempt: Keep a row's own hard negatives whatever their similarity: to an encoder that is
            blind to negation, the denial of a text is nearer to it than most paraphrases.
    """

    def contrastive(candidates: Candidates, softmax: Softmax) -> Tensor:
        guide = candidates.guide()
        kept = candidates.positive() | (guide <= limit(guide.diagonal()[:, None]))
        if exempt:
            kept = kept | candidates.hard()
        scores = logits(candidates.similarities(softmax.weight), candidates, softmax)
        return cross_entropy(scores.masked_fill(~kept, -torch.inf), diagonal(scores))

    return contrastive


def percent_of_positive(positive: Tensor) -> Tensor:
    """TopK-PercPos of NV-Retriever (arXiv 2407.15831); a negative similarity is lowered too."""
    return positive - (1 - PERCENT_OF_POSITIVE) * positive.abs()


def above_positive(positive: Tensor) -> Tensor:
    """The mask of Qwen3-Embedding (arXiv 2506.05176), which goes by the model's own similarity."""
    return positive + ABOVE_POSITIVE


def coupled(candidates: Candidates, softmax: Softmax) -> Tensor:
    """InfoNCE with each unlabelled negative weighed by how surely it is one (after CET).

    CET (arXiv 2209.05072) couples a relevance model R and a selection model S, to correct that only
    what a retriever selected was labelled; its formula was not found. A reading: a text is labelled
    if it is relevant and selected, so that an unlabelled one is irrelevant with the probability
    (1 - R) / (1 - R S). R is the trained sum, S the base encoder, the retriever that topics are
    pooled by; each is the sigmoid of how far a text lies above the row's positive, over the
    temperature. S is not trained, since *g* is not. Own hard negatives are labelled: they keep
    their weight.
    """
    similarities, guide = candidates.similarities(softmax.weight), candidates.guide()
    # In half precision, 1 - LEAST would be 1, and its logarithm's difference no number.
    relevance, selection = (
        torch.sigmoid((scores - scores.diagonal()[:, None]).float() / softmax.temperature)
        for scores in (similarities.detach(), guide)
    )
    relevance = relevance.clamp(max=1 - LEAST)
    weights = torch.log1p(-relevance) - torch.log1p(-relevance * selection)
    labelled = candidates.positive() | candidates.hard()
    scores = logits(similarities, candidates, softmax) + weights.masked_fill(labelled, 0.0)
    return cross_entropy(scores, diagonal(scores))


def logits(similarities: Tensor, candidates: Candidates, softmax: Softmax) -> Tensor:
    """Scores of the softmax, (rows, candidates): own hard negatives weigh more where near."""
    harder = softmax.hardness * similarities.detach()
    harder = harder.masked_fill(~candidates.hard(), 0.0)
    return similarities / softmax.temperature + harder


def diagonal(scores: Tensor) -> Tensor:
    """Targets of a softmax whose positives lie on the diagonal."""
    return torch.arange(len(scores), device=scores.device)


CONTRASTIVE: dict[str, Contrastive] = {
    "info-nce": info_nce,
    "hard-mixing": hard_mixing,
    "positive-mixing": positive_mixing,
    "percent-of-positive": filtered(percent_of_positive, exempt=True),
    "percent-of-positive-all": filtered(percent_of_positive, exempt=False),
    "above-positive": filtered(above_positive, exempt=True),
    "coupled": coupled,
}

"""Orders within a distilled group: same above hedged above negated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import kl_div, log_softmax, normalize, relu

from training.losses.base import TwoPartLoss
from training.losses.parts import Parts
from training.losses.ranking import cosent

# By how much a hedge, and a denial, is to lie below a text that means the same.
HEDGE_BAND, NEGATION_BAND = (0.05, 0.25), (0.25, 0.6)
# The score of a text in each relation to the anchor, for a judge who is sure; and UniME-V2's
# temperature.
JUDGED = {"equivalence": 1.0, "contradiction": 0.0, "hedge": 0.6, "neutral": 0.3}
JUDGE_TEMPERATURE = 0.02
# Keeps the gradient of a distance finite where two texts are one.
CLOSEST = 1e-4


class Group(NamedTuple):
    """The embedded columns of a batch of groups; the first of `same` is the anchor.

    `scores` is what a judge says of the columns after the anchor, (batch, columns), where it was
    asked (`training.soft_labels`).
    """

    same: Sequence[Parts]
    negated: Sequence[Parts]
    hedged: Parts
    neutral: Parts
    scores: Tensor | None = None


class Similarities(NamedTuple):
    """Similarities within the groups of a batch, each (batch,).

    Args:
        same: The anchor to each text that means the same.
        denied: The anchor to each denial, then its first paraphrase to each.
        hedged: The anchor to the hedge.
    """

    same: list[Tensor]
    denied: list[Tensor]
    hedged: Tensor


def within(loss: TwoPartLoss, group: Group) -> Similarities:
    """Measure the similarities that the soft margins and the bands act on."""
    anchor, *others = group.same
    return Similarities(
        [loss.pairwise(anchor, text) for text in others],
        [loss.pairwise(text, denial) for text in group.same[:2] for denial in group.negated],
        loss.pairwise(anchor, group.hedged),
    )


def margins(loss: TwoPartLoss, group: Group) -> Tensor:
    """Soft margins: every same pair above every negated pair, the hedge in between."""
    same, denied, hedged = within(loss, group)
    terms = [loss.above(high, low) for high in same for low in denied]
    between = [loss.above(high, hedged) for high in same]
    between += [loss.above(hedged, low) for low in denied[: len(group.negated)]]
    return torch.stack(terms).mean() + 0.5 * torch.stack(between).mean()


def graded(loss: TwoPartLoss, group: Group) -> Tensor:
    """CoSENT over all pairs of the batch with an anchor: same (1), hedged (0.5), negated (0)."""
    same, denied, hedged = within(loss, group)
    grades = {1.0: same, 0.5: [hedged], 0.0: denied[: len(group.negated)]}
    scores = [score for found in grades.values() for score in found]
    labels = [grade for grade, found in grades.items() for _ in found]
    sizes = torch.tensor(labels, device=hedged.device).repeat_interleave(len(hedged))
    return cosent(torch.cat(scores), sizes)


def bands(loss: TwoPartLoss, group: Group) -> Tensor:
    """Hedges and denials each within a band below what means the same (SNCSE's BML, twice).

    arXiv 2201.05979 keeps one band, for rule-made negations, at a weight of 0.001 beside InfoNCE.
    Readings: a nearer band for hedges, a farther one for denials (`HEDGE_BAND`, `NEGATION_BAND`),
    weighed by 1 / `margin_scale`, so that its slope is that of the soft margins.
    """
    same, denied, hedged = within(loss, group)
    terms = [band(hedged - high, *HEDGE_BAND) for high in same]
    terms += [band(low - high, *NEGATION_BAND) for high in same for low in denied]
    return torch.stack(terms).mean() / loss.margin_scale


def band(difference: Tensor, least: float, most: float) -> Tensor:
    """SNCSE's BML: what a difference (batch,) lies short of -least, or beyond -most."""
    return (relu(difference + least) + relu(-difference - most)).mean()


def opposites(loss: TwoPartLoss, group: Group) -> Tensor:
    """The soft margins, and denials on the other side of their topic (CLIPN's idea, for texts).

    The text semantic-opposite loss of CLIPN (arXiv 2308.12213) is 2 minus the distance of a text
    and its denial, which drives them to opposite poles, topic and all. A reading: the distance, in
    *p*, of the directions in which both leave the row's topic, which is the mean direction of the
    row's texts, without a gradient. It is bounded by 2, and moves nothing along the topic.
    """
    texts = (*group.same, *group.negated, group.hedged, group.neutral)
    topic = normalize(torch.stack([text.polarity for text in texts]).mean(dim=0).detach(), dim=1)
    same = [off_topic(text.polarity, topic) for text in group.same]
    negated = [off_topic(text.polarity, topic) for text in group.negated]
    terms = [opposite(text, denial) for text in same for denial in negated]
    return margins(loss, group) + torch.stack(terms).mean()


def off_topic(vectors: Tensor, topic: Tensor) -> Tensor:
    """Direction in which vectors leave the topic; all three (batch, dimensions)."""
    along = (vectors * topic).sum(dim=1, keepdim=True)
    return normalize(vectors - along * topic, dim=1)


def opposite(left: Tensor, right: Tensor) -> Tensor:
    """CLIPN's loss of two batches of unit vectors: 2 minus their mean distance."""
    cosines = (left * right).sum(dim=1)
    return (2 - (2 - 2 * cosines + CLOSEST).sqrt()).mean()


def judged(loss: TwoPartLoss, group: Group) -> Tensor:
    """Similarities to the anchor distributed as a judge's scores (UniME-V2, arXiv 2510.13515).

    The mean of both KL divergences, over the group's texts. Readings: it stands beside InfoNCE, not
    in its place; and where no judge was asked, the scores are one number for each relation
    (`JUDGED`).
    """
    anchor, *same = group.same
    relations = {
        "equivalence": same,
        "contradiction": group.negated,
        "hedge": [group.hedged],
        "neutral": [group.neutral],
    }
    found = [loss.pairwise(anchor, text) for texts in relations.values() for text in texts]
    similarities = torch.stack(found, dim=1)
    sure = [JUDGED[name] for name, texts in relations.items() for _ in texts]
    scores = similarities.new_tensor(sure).expand_as(similarities)
    return symmetric_kl(similarities, scores if group.scores is None else group.scores)


def symmetric_kl(similarities: Tensor, scores: Tensor) -> Tensor:
    """Mean of both KL divergences of two softmaxes over candidates; both (batch, candidates)."""
    found, wanted = (log_softmax(x / JUDGE_TEMPERATURE, dim=1) for x in (similarities, scores))
    there = kl_div(found, wanted, reduction="batchmean", log_target=True)
    back = kl_div(wanted, found, reduction="batchmean", log_target=True)
    return (there + back) / 2


GROUP_ORDERS: dict[str, Callable[[TwoPartLoss, Group], Tensor]] = {
    "margins": margins,
    "cosent": graded,
    "bands": bands,
    "opposites": opposites,
    "judged": judged,
}

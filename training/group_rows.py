"""The kinds of rows that are made from the distilled groups (`training.corpus.Group`)."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from training import corpus
from training.corpus import Group
from training.row import Row, last, made, numbered, passes
from training.substitution import substituted
from training.surface import slipped
from training.words import overlap

POSITIVES, DENIALS = 2, 3


def group_rows(rng: random.Random, latest: int = 0) -> Iterator[Row]:
    """An anchor, two texts that mean the same, three that deny it, a hedge and a neutral one.

    Any text of a group's equivalence class may be the anchor: all relations hold for each.
    """
    for group in passes(last(corpus.groups("train"), latest), rng):
        anchor, *positives = rng.sample((group.anchor, *group.same), 1 + POSITIVES)
        yield group_row(anchor, positives, rng.sample(group.negated, DENIALS), group, rng)


def counterfactual_rows(rng: random.Random) -> Iterator[Row]:
    """The columns of `group_rows`, with the positives and the denials that overlap misjudges most.

    SALAD (Bae et al. 2025, arXiv 2504.12185) sets a positive that keeps only the causal words
    against a counterfactual that changes only these. A reading of it without a tagger and a
    language model: of the texts that mean the same, those that share the fewest words with the
    anchor; of the denials, those that share the most.
    """
    for group in passes(corpus.groups("train"), rng):
        members = rng.sample((group.anchor, *group.same), 1 + len(group.same))
        anchor, others = members[0], members[1:]
        positives = by_overlap(anchor, others)[:POSITIVES]
        denials = by_overlap(anchor, rng.sample(group.negated, len(group.negated)))[-DENIALS:]
        yield group_row(anchor, positives, denials, group, rng)


def surface_rows(rng: random.Random) -> Iterator[Row]:
    """A text, itself with slips of typing, and a denial with slips.

    Encoders take a text with a typing error for another text; a contrastive loss on pairs of both
    is the usual cure (Sidiropoulos and Kanoulas 2022, arXiv 2205.02303). The denial has slips as
    well, or they alone would tell the positive.
    """

    def make(group: Group) -> Row | None:
        anchor = rng.choice((group.anchor, *group.same))
        positive, negative = slipped(anchor, rng), slipped(rng.choice(group.negated), rng)
        return triplet(anchor, positive, negative) if positive and negative else None

    yield from made(corpus.groups("train"), make, rng)


def substitution_rows(rng: random.Random) -> Iterator[Row]:
    """A text, one that means the same, and the text with one word turned into its antonym."""

    def make(group: Group) -> Row | None:
        members = rng.sample((group.anchor, *group.same), 1 + len(group.same))
        denials = ((number, substituted(text, rng)) for number, text in enumerate(members))
        number, negative = next((found for found in denials if found[1]), (0, None))
        # The member before it in a random order is a random one of the others.
        return triplet(members[number], members[number - 1], negative) if negative else None

    yield from made(corpus.groups("train"), make, rng)


def group_row(
    anchor: str, positives: Sequence[str], denials: Sequence[str], group: Group, rng: random.Random
) -> Row:
    """The row of a group: same, denied, hedged, neutral."""
    return {
        "anchor": anchor,
        **numbered("positive", positives),
        **numbered("negated", denials),
        "hedged": rng.choice(group.hedged),
        "neutral": rng.choice(group.neutral),
    }


def triplet(anchor: str, positive: str, negative: str) -> Row:
    """The row of a triplet."""
    return {"anchor": anchor, "positive": positive, "negative": negative}


def by_overlap(anchor: str, texts: Sequence[str]) -> list[str]:
    """Order texts by the share of words that they have in common with the anchor, least first."""
    return sorted(texts, key=lambda text: overlap(anchor, text))

"""Interventions: does the cosine move the right way when a negation is taken out or put in?

A negation turns what a text is to an anchor around: a denial without its "not" comes nearer, and a
text that means the same goes away when it loses one or gets one. An encoder that only counts
negation words does well on one side of each intervention and ill on the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from training import corpus
from training.evaluation.encoding import Encode
from training.probing.edits import with_negation, without_negation

Edit = Callable[[str], str | None]


class Shift(NamedTuple):
    """A pair of texts before and after one of them was edited.

    Args:
        before: The anchor and a text.
        after: The same, one of the two edited.
    """

    before: tuple[str, str]
    after: tuple[str, str]


def intervention(encode: Encode) -> dict[str, Any]:
    """Shares and mean shifts of three interventions on the dev groups.

    `deletion` takes the one negation cue out of a text, `insertion` puts a negation into a text
    that has none, `insertion_in_anchor` into an anchor that has none.

    Returns:
        For each, of the texts that mean the same as the anchor (which should move away) and of
        those that deny it (which should come nearer): `pairs`, `right_way` (the share that moves
        so; a half by chance) and `mean_shift` (of the cosine, after less before); None where no
        text can be edited.
    """
    groups = corpus.groups("dev")
    kinds: dict[str, Callable[[str], list[Shift]]] = {
        "deletion": lambda relation: list(edited_texts(groups, relation, without_negation)),
        "insertion": lambda relation: list(edited_texts(groups, relation, with_negation)),
        "insertion_in_anchor": lambda relation: list(edited_anchors(groups, relation)),
    }
    return {
        kind: {
            "same": moved(encode, shifts("same"), sign=-1),
            "negated": moved(encode, shifts("negated"), sign=1),
        }
        for kind, shifts in kinds.items()
    }


def edited_texts(groups: list[corpus.Group], relation: str, edit: Edit) -> Iterator[Shift]:
    """Each text in a relation to its anchor that can be edited."""
    for group in groups:
        for text in getattr(group, relation):
            if (other := edit(text)) is not None:
                yield Shift((group.anchor, text), (group.anchor, other))


def edited_anchors(groups: list[corpus.Group], relation: str) -> Iterator[Shift]:
    """Each text in a relation to an anchor that can be negated by rule."""
    for group in groups:
        if (other := with_negation(group.anchor)) is not None:
            for text in getattr(group, relation):
                yield Shift((group.anchor, text), (other, text))


def moved(encode: Encode, shifts: list[Shift], *, sign: int) -> dict[str, float | None]:
    """How often, and how far, the cosine moves.

    Args:
        encode: Texts to unit vectors.
        shifts: Pairs before and after.
        sign: 1 where the cosine should rise, -1 where it should fall.
    """
    if not shifts:
        return {"pairs": 0, "right_way": None, "mean_shift": None}
    vectors = encode([text for shift in shifts for pair in shift for text in pair])
    # (shifts, before and after, the two texts, dimensions)
    pairs = vectors.reshape(len(shifts), 2, 2, -1)
    cosines = np.einsum("sad,sad->sa", pairs[:, :, 0], pairs[:, :, 1])
    change = cosines[:, 1] - cosines[:, 0]
    return {
        "pairs": len(shifts),
        "right_way": float(np.mean(sign * change > 0)),
        "mean_shift": float(np.mean(change)),
    }

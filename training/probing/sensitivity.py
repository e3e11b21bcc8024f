"""Surface sensitivity: how many right and wrong decisions turn when only the surface changes.

After the inconsistency under meaning-preserving variants of Arakelyan et al. 2024 (arXiv
2401.14440). Their variants are those that the model itself takes for equivalent; ours are
equivalent by rule, the same ones for every encoder. The share of flips is a reading: their exact
definition was not found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training import corpus
from training.evaluation.encoding import Encode
from training.evaluation.tasks import contrast_scores
from training.probing.paraphrase import paraphrased
from training.probing.typos import with_typos
from training.probing.word_order import reordered

Change = Callable[[str], str]
Decisions = NDArray[np.bool_]

CHANGES: dict[str, Change] = {
    "typos": with_typos,
    "word_order": reordered,
    "paraphrase": paraphrased,
}


def sensitivity(encode: Encode) -> dict[str, Any]:
    """Flips of two kinds of decisions of the dev rows, by kind of change.

    Decisions: a text that means the same as the anchor lies nearer to it than one that denies it,
    for every such pair of a group; and a query of a passage contrast finds its own passage. A
    decision counts where a change altered at least one of its texts.

    Returns:
        For each change and kind of decision: `decisions` (how many count), `flipped` (the share
        that is right before and wrong after, or the reverse), `before` and `after` (the shares
        that are right).
    """
    groups, contrasts = corpus.groups("dev"), corpus.contrasts("dev")
    found: dict[str, Any] = {}
    for name, change in CHANGES.items():
        other_groups = [changed_group(group, change) for group in groups]
        other_contrasts = [
            corpus.Contrast(*map(change, astuple(contrast))) for contrast in contrasts
        ]
        found[name] = {
            "same_over_negated": flips(
                order_of_groups(encode, groups),
                order_of_groups(encode, other_groups),
                differing_orders(groups, other_groups),
            ),
            "own_passage": flips(
                own_passage(encode, contrasts),
                own_passage(encode, other_contrasts),
                differing_contrasts(contrasts, other_contrasts),
            ),
        }
    return found


def changed_group(group: corpus.Group, change: Change) -> corpus.Group:
    """A group with the texts that the decisions are about changed, and no others."""
    return corpus.Group(
        anchor=change(group.anchor),
        same=tuple(map(change, group.same)),
        negated=tuple(map(change, group.negated)),
        hedged=(),
        neutral=(),
    )


def order_of_groups(encode: Encode, groups: Sequence[corpus.Group]) -> Decisions:
    """Whether a text that means the same is nearer than a denial, for all such pairs in turn."""
    texts = [text for group in groups for text in (group.anchor, *group.same, *group.negated)]
    vectors = encode(texts)
    decisions = []
    start = 0
    for group in groups:
        same = start + 1 + len(group.same)
        end = same + len(group.negated)
        cosines = vectors[start + 1 : end] @ vectors[start]
        cut = len(group.same)
        decisions.append((cosines[:cut, None] > cosines[None, cut:]).ravel())
        start = end
    return np.concatenate(decisions)


def differing_orders(groups: Sequence[corpus.Group], others: Sequence[corpus.Group]) -> Decisions:
    """Of which pairs at least one text is another, or the anchor; in the order of the decisions."""
    return np.array(
        [
            group.anchor != other.anchor or same != other_same or negated != other_negated
            for group, other in zip(groups, others, strict=True)
            for same, other_same in zip(group.same, other.same, strict=True)
            for negated, other_negated in zip(group.negated, other.negated, strict=True)
        ],
        dtype=bool,
    )


def own_passage(encode: Encode, contrasts: Sequence[corpus.Contrast]) -> Decisions:
    """Whether each query finds its own passage, (2 x contrasts,): both of a contrast in turn."""
    scores = contrast_scores(encode, contrasts)
    own = scores[:, [0, 1], [0, 1]] > scores[:, [0, 1], [1, 0]]
    return own.ravel()


def differing_contrasts(
    contrasts: Sequence[corpus.Contrast], others: Sequence[corpus.Contrast]
) -> Decisions:
    """For which queries the query or a passage is another, in the order of the decisions."""
    differing = []
    for contrast, other in zip(contrasts, others, strict=True):
        passages = (contrast.doc_a, contrast.doc_b) != (other.doc_a, other.doc_b)
        differing += [
            passages or contrast.query_a != other.query_a,
            passages or contrast.query_b != other.query_b,
        ]
    return np.array(differing, dtype=bool)


def flips(before: Decisions, after: Decisions, counted: Decisions) -> dict[str, float | None]:
    """Compare two runs of the same decisions, among those that count; None where none does."""
    before, after = before[counted], after[counted]
    if not len(before):
        return {"decisions": 0, "flipped": None, "before": None, "after": None}
    return {
        "decisions": len(before),
        "flipped": float(np.mean(before != after)),
        "before": float(np.mean(before)),
        "after": float(np.mean(after)),
    }

"""A polarity direction: the axis along which denials lie away from texts that mean the same."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training import corpus
from training.evaluation import metrics
from training.evaluation.encoding import Encode, Vectors
from training.probing.halves import Groups, crossed

RELATIONS = ("same", "hedged", "negated")
PAIRS = (("same", "negated"), ("same", "hedged"), ("hedged", "negated"))

Offsets = dict[str, NDArray[np.float32]]


def direction(encode: Encode) -> dict[str, Any]:
    """Fit a polarity direction on one half of the dev groups, and measure on the other, crosswise.

    The direction is the first principal component of the differences of vectors, a text that means
    the same less a denial, over all such pairs of a group; a difference and its opposite count
    alike, for an anchor may itself be negative. What is measured is how far from its anchor a text
    lies along it, |d . (text - anchor)|, 0 to 2.

    Returns:
        `explained`: the share of the differences' squared length along the direction, mean of the
        halves. `auc`: how well the distance tells the farther relation of a pair from the nearer
        one (chance 0.5). `auc_whole_vector`: the same by the distance in all dimensions.
        `quartiles`: of the distance, by relation.
    """
    along: list[Offsets] = []
    whole: list[Offsets] = []
    explained = []
    for fitted, measured in crossed(corpus.groups("dev")):
        axis, share = principal(differences(encode, fitted))
        explained.append(share)
        offsets = from_anchor(encode, measured)
        along.append({name: np.abs(rows @ axis) for name, rows in offsets.items()})
        whole.append({name: np.linalg.norm(rows, axis=1) for name, rows in offsets.items()})
    pooled, pooled_whole = pool(along), pool(whole)
    return {
        "explained": float(np.mean(explained)),
        "auc": separation(pooled),
        "auc_whole_vector": separation(pooled_whole),
        "quartiles": {
            name: np.quantile(values, (0.25, 0.5, 0.75)).round(4).tolist()
            for name, values in pooled.items()
        },
    }


def differences(encode: Encode, groups: Groups) -> Vectors:
    """Each text that means the same less each denial of its group, (pairs, dimensions)."""
    encode([text for group in groups for text in (*group.same, *group.negated)])
    pairs = [encode(group.same)[:, None, :] - encode(group.negated)[None, :, :] for group in groups]
    return np.concatenate([rows.reshape(-1, rows.shape[-1]) for rows in pairs])


def principal(rows: Vectors) -> tuple[Vectors, float]:
    """First principal component of rows and their opposites, (dimensions,), and its share.

    With each row's opposite among them the mean is zero, so it is not taken off.
    """
    _, values, axes = np.linalg.svd(rows, full_matrices=False)
    return axes[0], float(values[0] ** 2 / np.sum(values**2))


def from_anchor(encode: Encode, groups: Groups) -> Offsets:
    """Each text's vector less its anchor's, (texts, dimensions), by its relation."""
    kinds = [{name: (*getattr(group, name),) for name in RELATIONS} for group in groups]
    encode([group.anchor for group in groups])
    encode([text for texts in kinds for kind in texts.values() for text in kind])
    return {
        name: np.concatenate(
            [
                encode(texts[name]) - encode([group.anchor])
                for group, texts in zip(groups, kinds, strict=True)
                if texts[name]
            ]
        )
        for name in RELATIONS
    }


def pool(halves: list[Offsets]) -> Offsets:
    """Put the halves' distances together."""
    return {name: np.concatenate([half[name] for half in halves]) for name in RELATIONS}


def separation(distances: Offsets) -> dict[str, float]:
    """AUC of the distance for the farther relation of each pair."""
    return {
        f"{near}/{far}": metrics.auc(
            np.concatenate((distances[near], distances[far])),
            np.arange(len(distances[near]) + len(distances[far])) >= len(distances[near]),
        )
        for near, far in PAIRS
    }

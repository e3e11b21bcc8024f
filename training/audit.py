"""Can the rows be told apart by a shortcut? `python -m training.audit`.

Two classifiers that understand nothing look at the candidates of the training corpus: one reads
the candidate without its anchor, the other sees only which share of their words the two have in
common. What they can tell, an encoder can learn instead of negation (CausalNeg, arXiv 2606.01304,
calls it a source-dependent shortcut). Passage contrasts are left out: each passage is right for
one query and wrong for the other, so a candidate alone tells nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from training import corpus, public
from training.words import overlap

FOLDS = 5


@dataclass(frozen=True)
class Candidate:
    """A text that is set against an anchor.

    Args:
        anchor: What it is compared with.
        text: The candidate.
        near: Whether it is to be near the anchor.
    """

    anchor: str
    text: str
    near: bool


def sources() -> dict[str, list[Candidate]]:
    """The candidates of the training rows, by what is compared."""
    groups, exclusions = corpus.groups("train"), corpus.exclusions("train")
    triplets = public.load("nli_triplets/train")
    return {
        "same against negated": list(spread((row.anchor, row.same, row.negated) for row in groups)),
        "same against hedged": list(spread((row.anchor, row.same, row.hedged) for row in groups)),
        "relevant against violating": list(
            spread((row.query, row.relevant, row.violating) for row in exclusions)
        ),
        "entailed against contradicting (NLI triplets)": list(
            spread((row["anchor"], [row["positive"]], [row["negative"]]) for row in triplets)
        ),
    }


def spread(rows: Iterable[tuple[str, Iterable[str], Iterable[str]]]) -> Iterator[Candidate]:
    """Spread anchors with their near and far texts into candidates."""
    for anchor, near, far in rows:
        yield from (Candidate(anchor, text, True) for text in near)
        yield from (Candidate(anchor, text, False) for text in far)


def blind_accuracy(candidates: list[Candidate]) -> float:
    """Balanced accuracy of a bag of words and word pairs of the candidate alone (chance 0.5)."""
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True),
        LogisticRegression(C=3.0, max_iter=500, class_weight="balanced"),
    )
    return held_out(model, [item.text for item in candidates], candidates)


def overlap_accuracy(candidates: list[Candidate]) -> float:
    """Balanced accuracy of a shallow tree over the word overlap with the anchor (chance 0.5)."""
    shares = np.array([[overlap(item.anchor, item.text)] for item in candidates])
    tree = DecisionTreeClassifier(max_depth=3, class_weight="balanced", random_state=0)
    return held_out(tree, shares, candidates)


def held_out(model: Any, inputs: Any, candidates: list[Candidate]) -> float:
    """Cross-validated balanced accuracy; the candidates of one anchor share a fold."""
    scores = cross_val_score(
        model,
        inputs,
        [item.near for item in candidates],
        groups=[item.anchor for item in candidates],
        cv=GroupKFold(FOLDS),
        scoring="balanced_accuracy",
    )
    return float(scores.mean())


def main() -> None:
    """Print what each classifier can tell."""
    argparse.ArgumentParser(prog="python -m training.audit", description=__doc__).parse_args()
    print(f"{'balanced accuracy, percent (chance 50)':<48}{'candidate alone':>17}{'overlap':>9}")
    for name, candidates in sources().items():
        if candidates:
            figures = blind_accuracy(candidates), overlap_accuracy(candidates)
            print(f"{name:<48}{100 * figures[0]:>17.1f}{100 * figures[1]:>9.1f}")


if __name__ == "__main__":
    main()

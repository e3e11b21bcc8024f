"""Can near and far texts be told apart by classifiers that understand nothing?

One reads the candidate without its anchor, the other sees only which share of their words the two
have in common. What they can tell, an encoder can learn instead of negation (CausalNeg, arXiv
2606.01304, calls it a source-dependent shortcut). Passage contrasts and twin queries are left out:
each passage is right for one query and wrong for the other, as each query is for the passages of
its twin, so a candidate alone tells nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.tree import DecisionTreeClassifier

from training import public
from training.auditing.rows import Row
from training.words import overlap

FOLDS = 5
# Texts of a pattern, and anchors, that a classifier needs to say anything.
FEWEST = 50


@dataclass(frozen=True)
class Candidate:
    """A text that is set against an anchor.

    Args:
        anchor: What it is compared with.
        text: The candidate.
        near: Whether it is to be near the anchor.
        pattern: Pattern of negation or hedging, where it has one.
    """

    anchor: str
    text: str
    near: bool
    pattern: str | None = None


def comparisons(rows: Iterable[Row]) -> dict[str, list[Candidate]]:
    """The candidates of the training rows, by what is compared; those that have any."""
    training = [row for row in rows if row.split == "train"]
    triplets = public.load("nli_triplets/train")
    found = {
        "same against negated": list(spread(training, "anchor", "same", "negated")),
        "same against hedged": list(spread(training, "anchor", "same", "hedged")),
        "relevant against violating": list(spread(training, "query", "relevant", "violating")),
        "entailed against contradicting (NLI triplets)": [
            Candidate(row["anchor"], row[role], role == "positive")
            for row in triplets
            for role in ("positive", "negative")
        ],
    }
    return {name: candidates for name, candidates in found.items() if candidates}


def spread(rows: Iterable[Row], anchor: str, near: str, far: str) -> Iterator[Candidate]:
    """Spread rows into their candidates, by the roles that are compared."""
    for row in rows:
        for query in row.of(anchor):
            yield from (
                Candidate(query, item.text, item.role == near, item.pattern)
                for item in row.texts
                if item.role in (near, far)
            )


def measure(candidates: Sequence[Candidate]) -> dict[str, Any]:
    """What both classifiers can tell in a comparison, and in each pattern of its far texts.

    A pattern is set against the near texts of the same anchors.
    """
    views = features(candidates)
    everything = np.arange(len(candidates))
    patterns = Counter(item.pattern for item in candidates if not item.near and item.pattern)
    return {
        **accuracies(candidates, views, everything),
        "patterns": {
            pattern: accuracies(candidates, views, of_pattern(candidates, pattern))
            for pattern, count in patterns.most_common()
            if count >= FEWEST
        },
    }


def of_pattern(candidates: Sequence[Candidate], pattern: str) -> Any:
    """Places of the far texts of a pattern, and of the near texts of their anchors."""
    chosen = {item.anchor for item in candidates if item.pattern == pattern and not item.near}
    return np.array(
        [
            place
            for place, item in enumerate(candidates)
            if item.anchor in chosen and (item.near or item.pattern == pattern)
        ]
    )


def features(candidates: Sequence[Candidate]) -> dict[str, Any]:
    """What each classifier sees: words and word pairs of the candidate, and the shared words.

    Words are weighted over all candidates, which needs no label.
    """
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    return {
        "candidate_alone": vectorizer.fit_transform([item.text for item in candidates]),
        "overlap": np.array([[overlap(item.anchor, item.text)] for item in candidates]),
    }


def classifiers() -> Mapping[str, Any]:
    """A bag of words, and a shallow tree over one number."""
    return {
        "candidate_alone": LogisticRegression(
            C=3.0, class_weight="balanced", solver="liblinear", random_state=0
        ),
        "overlap": DecisionTreeClassifier(max_depth=3, class_weight="balanced", random_state=0),
    }


def accuracies(
    candidates: Sequence[Candidate], views: Mapping[str, Any], places: Any
) -> dict[str, Any]:
    """Counts, and the balanced accuracy of each classifier (chance 0.5), or None of too few."""
    chosen = [candidates[place] for place in places]
    near = sum(item.near for item in chosen)
    enough = len({item.anchor for item in chosen}) >= FOLDS and 0 < near < len(chosen)
    figures = {
        name: held_out(model, views[name][places], chosen) if enough else None
        for name, model in classifiers().items()
    }
    return {"near": near, "far": len(chosen) - near, **figures}


def held_out(model: Any, inputs: Any, candidates: Sequence[Candidate]) -> float:
    """Cross-validated balanced accuracy; the candidates of one anchor share a fold."""
    scores = cross_val_score(
        model,
        inputs,
        [item.near for item in candidates],
        groups=[item.anchor for item in candidates],
        cv=GroupKFold(FOLDS),
        scoring="balanced_accuracy",
    )
    return round(float(scores.mean()), 4)

"""Fits an encoder's gate: a classifier of its polarity part, for texts that exclude something.

The texts are those of the bundled corpus. The gate is fitted by itself once the encoder is trained,
rather than by gradient with it: what it tells apart is no aim of the encoder, and a linear
classifier of finished vectors has one best answer.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sklearn.linear_model import LogisticRegression

from training import corpus
from training.evaluation.encoding import Vectors, unit
from training.exclusion_gate import ExclusionGate
from training.two_part import TwoPartEncoder

# Texts that are drawn of each source; there are two sources that exclude, and eight of others. With
# fewer others the gate opens for more of them, which costs general quality.
EXCLUDING = 900
OTHERS = 1000
# Inverse strength of the regularisation, of vectors of unit length.
INVERSE_REGULARISATION = 10.0
# What the fitted logit is multiplied by: a gate that is a little open for many texts that exclude
# nothing costs them general quality, and gains nothing.
SHARPNESS = 2.0


def fit_gate(model: SentenceTransformer, seed: int) -> None:
    """Fit the gate of an encoder that has one, in place; another stays as it is.

    Args:
        model: Its first module is the encoder.
        seed: Draws the texts.
    """
    encoder = model[0]
    if not isinstance(encoder, TwoPartEncoder) or encoder.gate is None:
        return
    excluding, others = draw_texts(random.Random(seed))
    # The trainer leaves its model in half precision, which is not what is served.
    plain = SentenceTransformer(modules=[encoder], device=str(model.device))
    vectors = plain.encode([*excluding, *others], batch_size=64, show_progress_bar=False)
    polarity = unit(vectors[:, encoder.general_dimensions :])
    open_for(encoder.gate, polarity[: len(excluding)], polarity[len(excluding) :])


def draw_texts(rng: random.Random) -> tuple[list[str], list[str]]:
    """Draw texts that exclude something, and texts of all other kinds.

    Inclusions are among the others, and so are statements with a negation in them: neither the
    form of a query nor a word of negation tells an exclusion.
    """
    twins, exclusions = corpus.twins(), corpus.exclusions("train")
    contrasts, groups = corpus.contrasts("train"), corpus.groups("train")
    excluding = [
        [row.query_a for row in twins if row.excludes],
        [row.query for row in exclusions],
    ]
    others = [
        [row.query_b for row in twins if row.excludes],
        [row.inclusion for row in exclusions if row.inclusion],
        [query for row in twins if not row.excludes for query in (row.query_a, row.query_b)],
        [query for row in contrasts for query in (row.query_a, row.query_b)],
        [text for group in groups for text in (group.anchor, *group.same)],
        [text for group in groups for text in group.negated],
        [text for group in groups for text in group.hedged],
        [text for row in contrasts for text in (row.doc_a, row.doc_b)]
        + [text for row in exclusions for text in (*row.relevant, *row.violating)],
    ]
    return drawn(excluding, EXCLUDING, rng), drawn(others, OTHERS, rng)


def drawn(sources: Sequence[Sequence[str]], count: int, rng: random.Random) -> list[str]:
    """Draw so many texts of each source, or all of a smaller one."""
    return [text for source in sources for text in rng.sample(source, min(count, len(source)))]


def open_for(gate: ExclusionGate, excluding: Vectors, others: Vectors) -> None:
    """Fit a gate so that it is open for some vectors and closed for others.

    Args:
        gate: Takes the coefficients of a logistic regression.
        excluding: *p* of texts that exclude something, (texts, dimensions).
        others: *p* of other texts, (texts, dimensions).
    """
    rows = np.vstack((excluding, others)).astype(np.float64)
    labels = [True] * len(excluding) + [False] * len(others)
    fitted = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=2000).fit(rows, labels)
    with torch.no_grad():
        gate.weight.copy_(torch.from_numpy(SHARPNESS * fitted.coef_))
        gate.bias.copy_(torch.from_numpy(SHARPNESS * fitted.intercept_))

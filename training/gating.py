"""Fits an encoder's gate: a classifier of its two parts, for texts that exclude something.

The texts are those of the bundled corpus, and questions and sentences of public sets where these
can be had: an exclusion is rare among what people ask, and not among the corpus's queries. The gate
is fitted by itself once the encoder is trained, rather than by gradient with it: what it tells
apart is no aim of the encoder, and a linear classifier of finished vectors has one best answer. The
same holds for its turn (`training.turning`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from copy import deepcopy

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sklearn.linear_model import LogisticRegression

from training import corpus, public
from training.evaluation.encoding import Vectors, unit
from training.exclusion_gate import ExclusionGate
from training.run import has_bfloat16
from training.turning import fit_turn
from training.two_part import TwoPartEncoder

# Public sets of texts few of which exclude anything, with the field that holds them.
PLAIN_SETS = (("medquad/train_pairs", "query"), ("stsb/train", "a"), ("wikisplit/train", "a"))
# Texts that are drawn at most of each source; two sources of the corpus exclude something.
EXCLUDING = 11000
OTHERS = 4000
# Inverse strength of the regularisation, of parts of unit length.
INVERSE_REGULARISATION = 10.0
# What the fitted logit is multiplied by, and then lowered by: a gate that is a little open for many
# texts that exclude nothing costs them general quality, and gains nothing.
SHARPNESS = 6.0
RESERVE = 3.0
# Texts from which on encoding them shows a progress bar.
MANY = 1000


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
    encode = parts_of(model)
    vectors = np.hstack(encode([*excluding, *others]))
    open_for(encoder.gate, vectors[: len(excluding)], vectors[len(excluding) :])
    if encoder.gate.direction is not None:
        fit_turn(encoder.gate, encode)


def parts_of(model: SentenceTransformer) -> Callable[[Sequence[str]], tuple[Vectors, Vectors]]:
    """From texts to *g* and *p*, each of unit length, whatever the gate was fitted to before."""
    encoder = deepcopy(model[0])
    encoder.gate_exclusions(None)
    # The trainer leaves its model's outputs in half precision, which is not what is fitted to.
    plain = SentenceTransformer(modules=[encoder], device=str(model.device))

    def encode(texts: Sequence[str]) -> tuple[Vectors, Vectors]:
        with torch.autocast(model.device.type, dtype=torch.bfloat16, enabled=has_bfloat16()):
            vectors = plain.encode(list(texts), batch_size=64, show_progress_bar=len(texts) > MANY)
        general, polarity = np.split(vectors, [encoder.general_dimensions], axis=1)
        return unit(general), unit(polarity)

    return encode


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
        [text for group in groups for text in group.neutral],
        [text for row in contrasts for text in (row.doc_a, row.doc_b)]
        + [text for row in exclusions for text in (*row.relevant, *row.violating)],
        *public.texts(PLAIN_SETS),
    ]
    # A few queries exclude something in one row and are the other side of another.
    known = {text for source in excluding for text in source}
    plain = [[text for text in source if text not in known] for source in others]
    return drawn(excluding, EXCLUDING, rng), drawn(plain, OTHERS, rng)


def drawn(sources: Sequence[Sequence[str]], count: int, rng: random.Random) -> list[str]:
    """Draw so many different texts of each source, or all of a smaller one."""
    distinct = [list(dict.fromkeys(source)) for source in sources]
    return [text for source in distinct for text in rng.sample(source, min(count, len(source)))]


def open_for(gate: ExclusionGate, excluding: Vectors, others: Vectors) -> None:
    """Fit a gate so that it is open for some vectors and closed for others.

    Args:
        gate: Takes the coefficients of a logistic regression.
        excluding: *g* and *p* of texts that exclude something, (texts, dimensions of both).
        others: Those of other texts, (texts, dimensions of both).
    """
    rows = np.vstack((excluding, others)).astype(np.float64)
    labels = [True] * len(excluding) + [False] * len(others)
    fitted = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=2000).fit(rows, labels)
    with torch.no_grad():
        gate.opening.weight.copy_(torch.from_numpy(SHARPNESS * fitted.coef_))
        gate.opening.bias.copy_(torch.from_numpy(SHARPNESS * fitted.intercept_ - RESERVE))

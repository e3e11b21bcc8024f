"""Whether the service computes what was trained: its own backend against sentence-transformers.

Texts of many lengths, each alone and all in mixed batches. An export that drifted does not pass.
"""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sentence_transformers import CrossEncoder, SentenceTransformer

from training import corpus
from training.pair.scaling import Scaling
from training.serving import ServedDiscriminator, ServedEncoder

MINIMUM_COSINE = 0.9999
# Logits of about -5 to 5; a hundredth moves no probability by more than a quarter of a percent.
MAXIMUM_LOGIT_GAP = 0.01
MAXIMUM_ROUNDING_GAP = 0.1
WORDS = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377)

Rows = NDArray[np.float32]


class ParityError(ValueError):
    """The exported model does not compute what was trained."""


def sample_texts() -> list[str]:
    """Texts of one word to more tokens than the model reads, shuffled, from the dev passages."""
    passages = " ".join(row.doc_a for row in corpus.contrasts("dev")[:40]).split()
    rng = random.Random(0)
    texts = []
    for words in WORDS:
        for _ in range(4):
            start = rng.randrange(len(passages) - words)
            texts.append(" ".join(passages[start : start + words]))
    rng.shuffle(texts)
    return texts


def check_encoder(folder: Path, *, reference: Path) -> dict[str, float]:
    """Compare an encoder's folder with sentence-transformers on it, and with its checkpoint.

    Args:
        folder: The exported folder.
        reference: The checkpoint before rounding to half precision.

    Returns:
        The smallest cosines and the number of texts.

    Raises:
        ParityError: A cosine is under 0.9999; the message says where.
    """
    texts = sample_texts()
    served = ServedEncoder(folder)
    mixed = served(texts)
    alone = np.concatenate([served([text]) for text in texts])
    half = SentenceTransformer(str(folder), trust_remote_code=True, device="cpu")
    full = SentenceTransformer(str(reference), trust_remote_code=True, device="cpu")
    if served.spec.two_part is not None:
        # The checkpoint was trained at another weight than is served, perhaps.
        full[0].negation_weight = half[0].negation_weight
    torch_half, torch_full = half.encode(texts), full.encode(texts)
    report = {
        "texts": float(len(texts)),
        "alone_against_sentence_transformers": lowest_cosine(alone, torch_half),
        "mixed_against_sentence_transformers": lowest_cosine(mixed, torch_half),
        "mixed_against_alone": lowest_cosine(mixed, alone),
        "half_precision_against_checkpoint": lowest_cosine(mixed, torch_full),
    }
    for name, value in report.items():
        if value < MINIMUM_COSINE:
            raise ParityError(f"{name}: cosine {value:.6f} is under {MINIMUM_COSINE}")
    return report


def check_discriminator(
    folder: Path,
    *,
    reference: Path,
    scaling: Scaling,
    relevance: tuple[float, float] = (1.0, 0.0),
) -> dict[str, float]:
    """Compare a discriminator's folder with sentence-transformers on it, and with its checkpoint.

    Args:
        folder: The exported folder.
        reference: The checkpoint before calibration and rounding to half precision.
        scaling: What was done to its logits.
        relevance: What its relevance was multiplied by, and what was taken from it then.

    Returns:
        The largest gaps between outputs, the relevance included where the folder has it, and the
        number of pairs.

    Raises:
        ParityError: A gap is too large; the message says where.
    """
    texts = sample_texts()
    pairs = list(zip(texts, reversed(texts), strict=True))
    served = ServedDiscriminator(folder)
    mixed = served.outputs(pairs)
    alone = np.concatenate([served.outputs([pair]) for pair in pairs])
    length, width = served.spec.max_input_tokens, mixed.shape[1]
    torch_half, torch_full = (
        CrossEncoder(str(model), device="cpu", max_length=length, trust_remote_code=True).predict(
            pairs
        )
        for model in (folder, reference)
    )
    relations = len(served.spec.labels)
    weight, centre = relevance
    relevances = weight * torch_full[:, relations:width] - centre
    scaled = np.hstack((scaling.apply(torch_full[:, :relations]), relevances))
    gaps = {
        "alone_against_sentence_transformers": largest_gap(alone, torch_half),
        "mixed_against_sentence_transformers": largest_gap(mixed, torch_half),
        "mixed_against_alone": largest_gap(mixed, alone),
        "half_precision_against_checkpoint": largest_gap(mixed, scaled),
    }
    for name, gap in gaps.items():
        limit = MAXIMUM_ROUNDING_GAP if name.startswith("half") else MAXIMUM_LOGIT_GAP
        if gap > limit:
            raise ParityError(f"{name}: logits differ by {gap:.4f}, more than {limit}")
    return {"pairs": float(len(pairs)), **gaps}


def lowest_cosine(first: Rows, second: Rows) -> float:
    """Smallest cosine of the rows of two arrays."""
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return float(np.min(np.einsum("nd,nd->n", first, second) / norms))


def largest_gap(first: Rows, second: Rows) -> float:
    """Largest absolute difference of two arrays."""
    return float(np.max(np.abs(first - second)))

"""Encoders as functions, made for the tests of the dev tasks."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import numpy as np

from training.evaluation.encoding import Encode, Vectors, unit


def served(weight: float) -> Encode:
    """A two-part encoder of three general and two polarity dimensions."""

    def encode(texts: Sequence[str]) -> Vectors:
        rows = np.array(
            [np.random.default_rng(sum(text.encode())).normal(size=5) for text in texts]
        )
        parts = unit(rows[:, :3]) * np.sqrt(1 - weight), unit(rows[:, 3:]) * np.sqrt(weight)
        return np.hstack(parts).astype(np.float32)

    return encode


def gated(weight: float, exclusion_weight: float) -> Encode:
    """The same, each text at a weight of its own from one to the other."""

    def encode(texts: Sequence[str]) -> Vectors:
        opened = np.array([[sum(text.encode()) % 7 / 6] for text in texts])
        weights = weight + (exclusion_weight - weight) * opened
        general, polarity = np.split(served(0.5)(texts), [3], axis=1)
        parts = unit(general) * np.sqrt(1 - weights), unit(polarity) * np.sqrt(weights)
        return np.hstack(parts).astype(np.float32)

    return encode


def oracle(pairs: dict[str, str]) -> Encode:
    """Gives a text the vector of what it belongs to, and all others vectors far from it."""

    def encode(texts: Sequence[str]) -> Vectors:
        seeds = [crc32(pairs.get(text, text).encode()) for text in texts]
        return unit(np.array([np.random.default_rng(seed).normal(size=64) for seed in seeds]))

    return encode

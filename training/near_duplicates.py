"""Texts that nearly repeat one another, found in time that grows with the texts, not their pairs.

MinHash over character n-grams, banded (LSH), picks pairs that may be alike; their Jaccard
similarity is then taken from the n-grams themselves. A negation is a few characters: a text and
its denial count as near-duplicates, which is what a search for leaks wants.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.distil.text import normalised

Hashes = NDArray[np.uint64]
Indices = NDArray[np.int64]

# Odd 64-bit constants of splitmix64 (Steele, Lea and Flood, 2014): they spread n-grams evenly.
MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
# N-grams that are hashed at a time.
BLOCK = 1 << 20
# Further texts of its bucket that a text is compared with: of many that are alike, each still
# meets its neighbours, and the time stays bounded.
MEETINGS = 32
# How far under the threshold an estimate may lie before the pair is given up: three deviations
# of a mean of 64 hashes.
SLACK = 0.18


@dataclass(frozen=True)
class Likeness:
    """What counts as a near-duplicate.

    Args:
        threshold: Least Jaccard similarity of the character n-grams.
        characters: Length of an n-gram.
        bands: Bands of MinHash; a pair that agrees in a whole band is looked at.
        rows: Hashes a band.
        seed: Of the hash functions.
    """

    threshold: float = 0.7
    characters: int = 5
    bands: int = 16
    rows: int = 4
    seed: int = 0


@dataclass(frozen=True)
class Pair:
    """Two texts that are alike, by their place; `first` comes before `second`."""

    first: int
    second: int
    similarity: float


class NearDuplicates:
    """The pairs of texts of different owners that are alike.

    Args:
        likeness: What counts as alike.
    """

    def __init__(self, likeness: Likeness) -> None:
        self.likeness = likeness

    def pairs(self, texts: Sequence[str], owners: Sequence[int]) -> list[Pair]:
        """Find them, in the order of the texts.

        Args:
            texts: Compared without regard to case, punctuation and spaces.
            owners: The row of each text; texts of one row are alike on purpose.
        """
        if not texts:
            return []
        grams, starts = self._grams(texts)
        signatures = self._signatures(grams, starts)
        first, second = self._candidates(signatures, np.asarray(owners, dtype=np.int64))
        estimates = (signatures[first] == signatures[second]).mean(axis=1)
        likely = estimates >= self.likeness.threshold - SLACK
        sets: dict[int, Hashes] = {}
        ends = np.append(starts[1:], len(grams))

        def gram_set(place: int) -> Hashes:
            if place not in sets:
                sets[place] = np.unique(grams[starts[place] : ends[place]])
            return sets[place]

        found = [
            Pair(a, b, jaccard(gram_set(a), gram_set(b)))
            for a, b in zip(first[likely].tolist(), second[likely].tolist(), strict=True)
        ]
        return [pair for pair in found if pair.similarity >= self.likeness.threshold]

    def _grams(self, texts: Sequence[str]) -> tuple[Hashes, Indices]:
        """The hashes of all n-grams, and where those of each text start."""
        size = self.likeness.characters
        padded = [f" {normalised(text)} ".ljust(size) for text in texts]
        lengths = np.array([len(text) for text in padded], dtype=np.int64)
        encoded = "".join(padded).encode("utf-32-le", errors="surrogatepass")
        codes = np.frombuffer(encoded, dtype=np.uint32).astype(np.uint64)
        windows = np.zeros(len(codes) - size + 1, dtype=np.uint64)
        for offset in range(size):
            windows = windows * MIX[0] + codes[offset : offset + len(windows)]
        # A window may not reach into the next text.
        within = np.ones(len(codes), dtype=bool)
        ends = np.cumsum(lengths)
        for back in range(1, size):
            within[ends - back] = False
        counts = lengths - size + 1
        return mixed(windows[within[: len(windows)]]), np.cumsum(counts) - counts

    def _signatures(self, grams: Hashes, starts: Indices) -> Hashes:
        """(texts, hashes): the least value of each hash function over the n-grams of a text."""
        rng = np.random.default_rng(self.likeness.seed)
        count = self.likeness.bands * self.likeness.rows
        factors = rng.integers(0, 1 << 63, size=count, dtype=np.uint64) * np.uint64(2)
        factors += np.uint64(1)
        signatures = np.empty((len(starts), count), dtype=np.uint64)
        for begin, end in blocks(starts, len(grams)):
            stop = starts[end] if end < len(starts) else len(grams)
            own = grams[starts[begin] : stop]
            offsets = starts[begin:end] - starts[begin]
            for number, factor in enumerate(factors):
                signatures[begin:end, number] = np.minimum.reduceat(own * factor, offsets)
        return signatures

    def _candidates(self, signatures: Hashes, owners: Indices) -> tuple[Indices, Indices]:
        """Pairs of different owners that agree in a band, each once, in order."""
        total = len(signatures)
        codes = [np.empty(0, dtype=np.int64)]
        for band in np.split(signatures, self.likeness.bands, axis=1):
            keys = np.zeros(total, dtype=np.uint64)
            for column in band.T:
                keys = mixed(keys ^ column)
            # Stable: within a bucket the texts keep their order.
            order = np.argsort(keys, kind="stable")
            for distance in range(1, min(MEETINGS, total - 1) + 1):
                first, second = order[:-distance], order[distance:]
                together = keys[first] == keys[second]
                first, second = first[together], second[together]
                apart = owners[first] != owners[second]
                codes.append(first[apart] * total + second[apart])
        first, second = np.divmod(np.unique(np.concatenate(codes)), total)
        return first, second


def mixed(values: Hashes) -> Hashes:
    """Spread values over all 64 bits."""
    values = (values ^ (values >> np.uint64(30))) * MIX[0]
    values = (values ^ (values >> np.uint64(27))) * MIX[1]
    return values ^ (values >> np.uint64(31))


def blocks(starts: Indices, total: int) -> Iterator[tuple[int, int]]:
    """Ranges of texts with about `BLOCK` n-grams each, and one text at least."""
    begin = 0
    while begin < len(starts):
        end = int(np.searchsorted(starts, starts[begin] + BLOCK)) if total else len(starts)
        yield begin, max(end, begin + 1)
        begin = max(end, begin + 1)


def jaccard(left: Hashes, right: Hashes) -> float:
    """Jaccard similarity of two sorted sets."""
    common = len(np.intersect1d(left, right, assume_unique=True))
    return common / (len(left) + len(right) - common)

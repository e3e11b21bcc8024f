"""Functions from texts to unit vectors, remembered and re-weighted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Encode = Callable[[Sequence[str]], Vectors]


@runtime_checkable
class Instructed(Protocol):
    """An encoder that was trained with an instruction before each query."""

    query_instruction: str


def instruction_of(encode: Encode) -> str:
    """What an encoder wants before a query; nothing, for most."""
    return encode.query_instruction if isinstance(encode, Instructed) else ""


def as_queries(encode: Encode, texts: Sequence[str]) -> list[str]:
    """Put the encoder's instruction before each query."""
    instruction = instruction_of(encode)
    return [instruction + text for text in texts]


class Remembered:
    """An encoder that runs each text once.

    Args:
        encode: Texts to (texts, dimensions) unit vectors.
        query_instruction: What it wants before a query; by default what it says itself.
    """

    def __init__(self, encode: Encode, query_instruction: str | None = None) -> None:
        self.encode = encode
        self.query_instruction = (
            instruction_of(encode) if query_instruction is None else query_instruction
        )
        self.vectors: dict[str, Vectors] = {}

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Encode, running only the texts that were not seen before."""
        missing = [text for text in dict.fromkeys(texts) if text not in self.vectors]
        if missing:
            self.vectors.update(zip(missing, self.encode(missing), strict=True))
        return np.stack([self.vectors[text] for text in texts])


@dataclass(frozen=True)
class Gate:
    """The two weights between which an encoder with a gate puts each text's own.

    Attributes:
        negation_weight: That of a text for which the gate is closed.
        exclusion_weight: That of a text for which it is open.
    """

    negation_weight: float
    exclusion_weight: float

    @classmethod
    def of(cls, encoder: Any) -> Self | None:
        """The gate of an encoder, or of what its folder says; None for one without a gate."""
        exclusion_weight = getattr(encoder, "exclusion_weight", None)
        return None if exclusion_weight is None else cls(encoder.negation_weight, exclusion_weight)

    def weights(self, polarity: Vectors, negation_weight: float) -> Vectors:
        """Each text's weight at another negation weight, as far open as the gate was for it.

        Args:
            polarity: The polarity parts as served, whose squared lengths are the texts' weights,
                (texts, dimensions).
            negation_weight: The other weight, under the exclusion weight.

        Returns:
            (texts, 1).
        """
        own = (polarity**2).sum(axis=1, keepdims=True)
        opened = (own - self.negation_weight) / (self.exclusion_weight - self.negation_weight)
        moved: Vectors = negation_weight + (self.exclusion_weight - negation_weight) * opened
        return moved


class Reweighted:
    """A two-part encoder at another negation weight, without another forward pass.

    Args:
        encode: The encoder as served.
        general_dimensions: How many of the first numbers are the general part.
        weight: The negation weight w, 0 to 1; at 0 the general part is all there is.
        gate: The encoder's, to give each text its own weight over w; None for w of all texts.
    """

    def __init__(
        self, encode: Encode, general_dimensions: int, weight: float, gate: Gate | None = None
    ) -> None:
        self.encode = encode
        self.query_instruction = instruction_of(encode)
        self.general_dimensions = general_dimensions
        self.weight = weight
        self.gate = gate

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Encode and rescale the two parts."""
        vectors = self.encode(texts)
        general, polarity = np.split(vectors, [self.general_dimensions], axis=1)
        weights = self.weight if self.gate is None else self.gate.weights(polarity, self.weight)
        return np.hstack(
            (unit(general) * np.sqrt(1 - weights), unit(polarity) * np.sqrt(weights))
        ).astype(np.float32)


def unit(rows: Vectors) -> Vectors:
    """Scale each row to unit length."""
    scaled: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled

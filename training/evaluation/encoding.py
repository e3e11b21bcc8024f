"""Functions from texts to unit vectors, remembered and re-weighted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Encode = Callable[[Sequence[str]], Vectors]


class Remembered:
    """An encoder that runs each text once.

    Args:
        encode: Texts to (texts, dimensions) unit vectors.
    """

    def __init__(self, encode: Encode) -> None:
        self.encode = encode
        self.vectors: dict[str, Vectors] = {}

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Encode, running only the texts that were not seen before."""
        missing = [text for text in dict.fromkeys(texts) if text not in self.vectors]
        if missing:
            self.vectors.update(zip(missing, self.encode(missing), strict=True))
        return np.stack([self.vectors[text] for text in texts])


class Reweighted:
    """A two-part encoder at another negation weight, without another forward pass.

    Args:
        encode: The encoder as served.
        general_dimensions: How many of the first numbers are the general part.
        weight: The negation weight w, 0 to 1; at 0 the general part is all there is.
    """

    def __init__(
        self,
        encode: Encode,
        general_dimensions: int,
        weight: float,
    ) -> None:
        self.encode = encode
        self.general_dimensions = general_dimensions
        self.weight = weight

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Encode and rescale the two parts."""
        vectors = self.encode(texts)
        general = unit(vectors[:, : self.general_dimensions])
        polarity = unit(vectors[:, self.general_dimensions :])
        return np.hstack(
            (general * np.sqrt(1 - self.weight), polarity * np.sqrt(self.weight))
        ).astype(np.float32)


def unit(rows: Vectors) -> Vectors:
    """Scale each row to unit length."""
    scaled: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled

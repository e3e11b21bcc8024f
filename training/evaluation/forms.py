"""What the smaller forms of a vector keep: the nearest by bytes against the nearest by floats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from service.model_spec import EncoderSpec
from service.quantization import CalibrationRanges, quantize
from training import corpus
from training.evaluation.encoding import Encode, Vectors

NEAREST = 10
WEIGHTS = (0.0, 0.3, 0.9, 1.0)


def forms(encode: Encode, spec: EncoderSpec) -> dict[str, Any]:
    """Measure int8 and bits on the dev texts, each against all others.

    Args:
        encode: The encoder as it is served.
        spec: Its folder, with ranges.

    Returns:
        `texts`; `int8`, by the query's negation weight ("served" first, under that name so that
        another release has the same names), the share of the ten nearest by the floats
        that are among the ten nearest by the bytes, with a range for each dimension and with the
        one that all share, which is what is served; `bits`, the rank correlation of the Hamming
        distance with the cosine. Nothing where the folder has no ranges or the vectors one part.
    """
    ranges, two_part = spec.calibration, spec.two_part
    if ranges is None or two_part is None:
        return {}
    stored = encode(dev_texts())
    own = ranges.adapt_to_each(None, two_part.scales(None))
    kept = {}
    for weight in (None, *WEIGHTS):
        queries = stored if weight is None else two_part.reweigh(stored, weight)
        adapted = ranges.adapt_to_each(None, two_part.scales(weight))
        kept["served" if weight is None else f"{weight:g}"] = {
            "own_ranges": share_kept(queries, stored, (adapted, own)),
            "shared_range": share_kept(queries, stored, (adapted.shared(), own.shared())),
        }
    return {"texts": len(stored), "int8": kept, "bits": bits_correlation(stored)}


def dev_texts() -> list[str]:
    """Texts of all kinds of dev rows."""
    texts = [group.anchor for group in corpus.groups("dev")]
    texts += [text for row in corpus.contrasts("dev") for text in (row.query_a, row.doc_a)]
    texts += [row.query for row in corpus.exclusions("dev")]
    return list(dict.fromkeys(texts))


def share_kept(
    queries: Vectors, stored: Vectors, ranges: tuple[CalibrationRanges, CalibrationRanges]
) -> float:
    """Share of the nearest by the floats that are among the nearest by the int8 dot product.

    Args:
        queries: (texts, dimensions).
        stored: The same texts at the weight at which they are kept.
        ranges: Those of the queries and of the stored vectors.
    """
    bytes_of = [
        np.asarray(quantize(rows, "int8", own), dtype=np.float32)
        for rows, own in zip((queries, stored), ranges, strict=True)
    ]
    by_floats, by_bytes = nearest(queries @ stored.T), nearest(bytes_of[0] @ bytes_of[1].T)
    shares = [
        len({*floats} & {*found}) / len(floats)
        for floats, found in zip(by_floats.tolist(), by_bytes.tolist(), strict=True)
    ]
    return float(np.mean(shares))


def nearest(scores: Vectors) -> NDArray[np.intp]:
    """Positions of the nearest others of each text, (texts, NEAREST)."""
    scores = scores.copy()
    np.fill_diagonal(scores, -np.inf)
    found: NDArray[np.intp] = np.argsort(-scores, axis=1, kind="stable")[:, :NEAREST]
    return found


def bits_correlation(stored: Vectors) -> float:
    """Rank correlation of the cosine with the bits that two texts have in common."""
    signs = np.where(np.asarray(_bits(stored)), 1.0, -1.0).astype(np.float32)
    pairs = np.triu_indices(len(stored), k=1)
    return float(spearmanr((stored @ stored.T)[pairs], (signs @ signs.T)[pairs]).statistic)


def _bits(stored: Vectors) -> Sequence[Any] | NDArray[Any]:
    packed = quantize(stored, "ubinary", None)
    return np.unpackbits(np.asarray(packed), axis=1)[:, : stored.shape[1]]

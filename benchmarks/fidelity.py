"""Whether a server gives the vectors that the model has: its cosine to the engine's own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from statistics import fmean
from typing import Any

import numpy as np

from benchmarks.calls import Call, Contract, read_vectors, render
from benchmarks.connection import Address, Connection


def compare_vectors(
    url: str, contract: Contract, call: Call, reference: Sequence[Sequence[float]]
) -> dict[str, Any]:
    """Return the least and the mean cosine of a server's vectors to the reference.

    Args:
        url: Where the server is.
        contract: How it is spoken to.
        call: Texts to embed, all at once: so that what depends on the batch shows.
        reference: A unit vector for each text.

    Raises:
        ValueError: It did not give vectors of this length.
    """
    rendered = render(call, contract)
    if rendered is None:
        raise ValueError(f"the {contract} contract has no vectors")
    address = Address.parse(url)
    request = address.post(rendered.path, rendered.body.encode())
    status, body = asyncio.run(_send(address, request))
    if status != 200:
        raise ValueError(f"answered {status}: {body[:200].decode(errors='replace')}")
    vectors = read_vectors(body).astype(np.float64)
    wanted = np.asarray(reference)
    if vectors.shape != wanted.shape:
        raise ValueError(f"vectors of the shape {vectors.shape}, not {wanted.shape}")
    norms = np.maximum(np.linalg.norm(vectors, axis=1), 1e-12)
    cosines = (np.sum(vectors * wanted, axis=1) / norms).tolist()
    return {"least_cosine": min(cosines), "mean_cosine": fmean(cosines)}


async def _send(address: Address, request: bytes) -> tuple[int, bytes]:
    connection = Connection(address)
    try:
        return await connection.send(request)
    finally:
        await connection.aclose()

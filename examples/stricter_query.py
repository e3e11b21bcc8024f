"""One index, three queries: a query at another negation weight is stricter or laxer about "not".

Needs httpx and numpy. Start the service (`make serve`), then:
python examples/stricter_query.py [URL of the service, by default http://127.0.0.1:8080]
"""

from __future__ import annotations

import argparse

import httpx
import numpy as np
from numpy.typing import NDArray

TEXTS = [
    "Two-room flat near the park; pets are welcome.",
    "Sunny flat with a balcony. No pets, please.",
    "Dogs and cats may live in this flat.",
    "The landlord does not allow animals in the flat.",
    "Flat for rent: pets allowed after a talk with the owner.",
    "A pet shop on the corner sells fish and birds.",
    "Large flat with a new kitchen on the third floor.",
]
QUERY = "flats where pets are not allowed"
WEIGHTS = {"laxer, 0": 0.0, "the model's own": None, "stricter, 0.98": 0.98}

Vectors = NDArray[np.float32]


def embed(client: httpx.Client, texts: list[str], negation_weight: float | None = None) -> Vectors:
    """Embed texts, (texts, dimensions); without a weight, at the model's own.

    Raises:
        httpx.HTTPError: The service cannot be reached, or refuses the request.
    """
    body = {"inputs": texts, "negation_weight": negation_weight}
    response = client.post("/embed", json=body).raise_for_status()
    return np.array(response.json(), dtype=np.float32)


def ranking(scores: Vectors) -> str:
    """The texts with their scores, best first, a line each."""
    order = np.argsort(-scores)
    return "\n".join(f"  {scores[number]:6.3f}  {TEXTS[number]}" for number in order)


def main(url: str) -> str:
    """Embed the texts once and the query at each weight; the rankings, as text."""
    with httpx.Client(base_url=url, timeout=60) as client:
        index = embed(client, TEXTS)
        rankings = []
        for name, weight in WEIGHTS.items():
            (query,) = embed(client, [QUERY], weight)
            rankings.append(f"{QUERY} (weight of the query: {name})\n{ranking(index @ query)}")
    return "\n\n".join(rankings)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "url", nargs="?", default="http://127.0.0.1:8080", help="URL of the service"
    )
    print(main(parser.parse_args().url))  # noqa: T201 - what it is for

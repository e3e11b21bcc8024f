"""Which passages would a language model get? Three ways to retrieve, over some sixty sentences.

Plain cosine of the general part, which is the base encoder; Litotes' embeddings; and these with
their best passages reranked, and without those that contradict what the question implies. The
vector store is Qdrant's local mode, in memory.

Needs `pip install '.[examples]'`. Start the service (`make serve`), then:
python examples/negation_aware_rag.py
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from qdrant_client import QdrantClient
from qdrant_client.models import Distance, PointStruct, VectorParams

DATA = Path(__file__).with_name("passages.json")
COLLECTION = "passages"
CANDIDATES = 20
PLAIN, LITOTES = "plain", "litotes"
WAYS = {
    "plain": "plain cosine of the general part",
    "litotes": "Litotes' embeddings",
    "checked": "Litotes' embeddings, reranked and checked",
}


@dataclass(frozen=True)
class Question:
    """A query, what it implies of an answer, and passages that answer it or say the opposite."""

    query: str
    claim: str
    right: tuple[str, ...]
    wrong: tuple[str, ...]

    def mark(self, passage: str) -> str:
        """Whether a passage answers, says the opposite, or is about something else."""
        return "right" if passage in self.right else "WRONG" if passage in self.wrong else "other"


@dataclass(frozen=True)
class Service:
    """The service, and what it said it could not do.

    Args:
        http: A client whose base is the service.
        missing: One line for each route that has no model.
    """

    http: httpx.Client
    missing: set[str]

    def post(self, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 - what JSON holds
        """Ask the service; None where it has no model for the route (status 424).

        Raises:
            httpx.HTTPError: The service cannot be reached, or refuses the request.
        """
        response = self.http.post(path, json=body)
        if response.status_code == 424:
            self.missing.add(f"{path} is left out: {response.json()['error']}")
            return None
        return response.raise_for_status().json()

    def embed(self, texts: Sequence[str]) -> dict[str, list[list[float]]]:
        """Embed texts once: the whole vectors, and their general part by itself."""
        whole = np.array(self.post("/embed", {"inputs": list(texts)}))
        info = self.http.get("/info").raise_for_status().json()
        general = whole[:, : info.get("general_dimensions") or whole.shape[1]]
        general = general / np.linalg.norm(general, axis=1, keepdims=True)
        return {PLAIN: general.tolist(), LITOTES: whole.tolist()}

    def relevances(self, query: str, passages: Sequence[str]) -> list[float]:
        """Score passages from 0 to 1; all alike where nothing reranks, which leaves their order."""
        ranked = self.post("/rerank", {"query": query, "texts": list(passages)}) or []
        scores = {item["index"]: item["score"] for item in ranked}
        return [scores.get(number, 0.0) for number in range(len(passages))]

    def contradicted(self, claim: str, passages: Sequence[str]) -> list[bool]:
        """Whether each passage contradicts the claim; none does where nothing checks."""
        answer = self.post("/negation-check", {"claim": claim, "passages": list(passages)})
        if answer is None:
            return [False] * len(passages)
        return [result["relation"] == "contradiction" for result in answer["results"]]


def read_data() -> tuple[list[Question], list[str]]:
    """The questions, and all passages."""
    data = json.loads(DATA.read_text(encoding="utf-8"))
    questions = [
        Question(row["query"], row["claim"], tuple(row["right"]), tuple(row["wrong"]))
        for row in data["questions"]
    ]
    answers = [text for question in questions for text in (*question.right, *question.wrong)]
    return questions, [*answers, *data["others"]]


def build_store(service: Service, passages: Sequence[str]) -> QdrantClient:
    """Index the passages, each with two vectors."""
    vectors = service.embed(passages)
    store = QdrantClient(":memory:")
    sizes = {name: len(rows[0]) for name, rows in vectors.items()}
    store.create_collection(
        COLLECTION,
        vectors_config={
            name: VectorParams(size=size, distance=Distance.COSINE) for name, size in sizes.items()
        },
    )
    points = [
        PointStruct(
            id=number,
            vector={name: rows[number] for name, rows in vectors.items()},
            payload={"text": text},
        )
        for number, text in enumerate(passages)
    ]
    store.upsert(COLLECTION, points)
    return store


def search(
    store: QdrantClient, vectors: dict[str, list[list[float]]], name: str, limit: int
) -> list[str]:
    """The nearest passages, best first."""
    found = store.query_points(COLLECTION, query=vectors[name][0], using=name, limit=limit)
    return [point.payload["text"] for point in found.points if point.payload]


def check(service: Service, question: Question, texts: Sequence[str]) -> list[str]:
    """Put candidates in the order of their relevance, and drop those that contradict."""
    scores = service.relevances(question.query, texts)
    contradicted = service.contradicted(question.claim, texts)
    order = sorted(range(len(texts)), key=lambda number: -scores[number])
    return [texts[number] for number in order if not contradicted[number]]


def retrieve(
    service: Service, store: QdrantClient, question: Question, *, top: int
) -> dict[str, list[str]]:
    """The passages that each way hands to a language model."""
    vectors = service.embed([question.query])
    plain, litotes = (
        search(store, vectors, name, max(top, CANDIDATES)) for name in (PLAIN, LITOTES)
    )
    return {
        "plain": plain[:top],
        "litotes": litotes[:top],
        "checked": check(service, question, litotes)[:top],
    }


def run(url: str, *, top: int) -> str:
    """Ask all questions in the three ways; what each found, as text.

    Raises:
        httpx.HTTPError: The service cannot be reached, or refuses a request.
    """
    questions, passages = read_data()
    lines = []
    counts = {way: {"right": 0, "WRONG": 0, "other": 0} for way in WAYS}
    with httpx.Client(base_url=url, timeout=60) as http:
        service = Service(http, set())
        store = build_store(service, passages)
        for question in questions:
            lines.append(f"\n{question.query}")
            found = retrieve(service, store, question, top=top)
            for way, texts in found.items():
                lines.append(f"  {WAYS[way]}")
                for text in texts:
                    counts[way][question.mark(text)] += 1
                    lines.append(f"    {question.mark(text)}  {text}")
        store.close()
    lines.append(f"\nHanded to a language model, over {len(questions)} questions:")
    for way, count in counts.items():
        told = ", ".join(f"{number} {mark}" for mark, number in count.items())
        lines.append(f"  {WAYS[way]:<45}{told}")
    return "\n".join([*lines, *sorted(service.missing)]).lstrip("\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description="Retrieve passages for a language model in three ways, and mark those that say"
        " the opposite of what was asked for.",
        epilog="Example: python examples/negation_aware_rag.py --url http://127.0.0.1:8080 --top 3",
    )
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="of the service")
    parser.add_argument("--top", type=int, default=3, help="passages handed over (default 3)")
    given = parser.parse_args(arguments)
    try:
        print(run(given.url, top=given.top))  # noqa: T201
    except httpx.HTTPError as error:
        sys.exit(f"{given.url}: {error}. Is the service running (make serve)?")


if __name__ == "__main__":
    main()

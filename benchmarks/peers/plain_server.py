"""The server that most projects begin with: FastAPI around sentence-transformers.

Runs in an environment of its own: `MODEL=folder uvicorn plain_server:app`.
"""

from __future__ import annotations

import os

from fastapi import FastAPI
from pydantic import BaseModel
from sentence_transformers import SentenceTransformer

app = FastAPI()
model = SentenceTransformer(os.environ["MODEL"], device="cpu")


class EmbedRequest(BaseModel):
    """Texts to embed, in text-embeddings-inference's shape."""

    inputs: list[str]


@app.post("/embed")
def embed(request: EmbedRequest) -> list[list[float]]:
    """Return one unit vector a text."""
    vectors: list[list[float]] = model.encode(request.inputs, normalize_embeddings=True).tolist()
    return vectors


@app.get("/health")
def health() -> None:
    """Answer 200."""

"""Responses of the routes for operators."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class Embedding(BaseModel):
    """How token vectors become one."""

    pooling: Literal["mean", "cls"]


class ModelType(BaseModel):
    """text-embeddings-inference's tagged model type."""

    embedding: Embedding


class Info(BaseModel):
    """What is served, in text-embeddings-inference's fields, and below them our own."""

    model_id: str
    model_sha: str | None
    model_dtype: str
    served_model_name: str
    model_type: ModelType
    max_concurrent_requests: int
    max_input_length: int
    max_batch_tokens: int
    max_batch_requests: int
    max_client_batch_size: int
    auto_truncate: bool
    tokenization_workers: int
    version: str
    sha: str | None
    docker_label: str | None

    provider: str
    dimensions: int
    general_dimensions: int | None
    negation_weight: float | None
    exclusion_weight: float | None
    prompts: list[str]
    pair_model: str | None
    pair_routes: list[str]
    max_body_bytes: int
    max_queue_tokens: int
    max_passage_windows: int
    max_passage_sentences: int
    max_explained_words: int
    max_token_vectors: int
    max_listed_tokens: int
    token_encoding: str | None


class Liveness(BaseModel):
    """Whether the process is of use, ready or not; with an error where a restart is due."""

    status: Literal["live", "stalled"]
    error: str | None = None
    error_type: Literal["Unhealthy"] | None = None


class Readiness(BaseModel):
    """Whether texts are answered now; with an error where they are not."""

    status: Literal["loading", "ready", "failed", "stalled", "draining"]
    error: str | None = None
    error_type: Literal["Unhealthy"] | None = None

"""Requests and responses of Weaviate's container for transformer models."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.fields import Dimensions, NegationWeight, Request


class VectorConfig(Request):
    """How the text is read."""

    pooling_strategy: Annotated[
        str | None, Field(description="Accepted and not used: the model folder says.")
    ] = None
    task_type: Annotated[
        Literal["query", "passage", ""] | None,
        Field(description="What the text is for: chooses a prompt, where the model has one."),
    ] = None
    dimensions: Dimensions = None
    negation_weight: NegationWeight = None


class VectorRequest(Request):
    """A text to embed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"text": "The drug reduced mortality.", "config": {"task_type": "passage"}}
            ]
        }
    )

    text: str
    config: VectorConfig | None = None


class VectorResponse(BaseModel):
    """A unit vector."""

    text: str
    vector: list[float]
    dim: int


class Meta(BaseModel):
    """What is served."""

    model: str
    model_type: str
    dimensions: int
    max_input_length: int
    prompts: list[str]
    version: str


class WeaviateErrorBody(BaseModel):
    """What went wrong, in the container's shape."""

    error: str

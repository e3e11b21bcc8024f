"""Requests and responses of OpenAI's embeddings routes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.fields import Dimensions, NegationWeight, Request, Texts


class EmbeddingsRequest(Request):
    """Texts to embed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"model": "litotes-small", "input": ["The drug reduced mortality."]}]
        }
    )

    input: Annotated[Texts, Field(description="One text, or a list of texts.")]
    model: Annotated[
        str | None,
        Field(description="Any name: one model is served, and the response names it."),
    ] = None
    encoding_format: Annotated[
        Literal["float", "base64"],
        Field(description="Numbers, or the little-endian float32 bytes in base64."),
    ] = "float"
    dimensions: Dimensions = None
    user: Annotated[str | None, Field(description="Accepted and not used.")] = None
    negation_weight: NegationWeight = None


class EmbeddingItem(BaseModel):
    """The vector of one text."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class Usage(BaseModel):
    """Tokens that were run, special tokens included."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingsResponse(BaseModel):
    """Vectors in the order of the input."""

    object: Literal["list"] = "list"
    data: list[EmbeddingItem]
    model: str
    usage: Usage


class Model(BaseModel):
    """The served model."""

    id: str
    object: Literal["model"] = "model"
    created: Annotated[int, Field(description="When this process started, in Unix seconds.")]
    owned_by: Literal["litotes"] = "litotes"


class ModelList(BaseModel):
    """The one served model, as a list."""

    object: Literal["list"] = "list"
    data: list[Model]


class OpenAIError(BaseModel):
    """What went wrong."""

    message: str
    type: str
    param: str | None
    code: str | None
    index: Annotated[
        int | None, Field(description="Position of the text at fault, where one is.")
    ] = None


class OpenAIErrorBody(BaseModel):
    """What went wrong, in OpenAI's shape."""

    error: OpenAIError

"""Requests and responses of OpenAI's embeddings routes."""

from __future__ import annotations

from typing import Annotated, Literal, TypeGuard

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from service.schemas.fields import (
    Dimensions,
    NegationWeight,
    Request,
    as_texts,
    as_token_arrays,
)

TextsOrTokens = list[str] | list[list[int]]


def _as_texts_or_tokens(value: object) -> TextsOrTokens:
    """Read `value` as token ids where its first item is an id, or a list; else as texts."""
    first = value[0] if isinstance(value, list) and value else None
    return as_token_arrays(value) if type(first) in (int, list) else as_texts(value)


def are_token_arrays(value: TextsOrTokens) -> TypeGuard[list[list[int]]]:
    """Tell token ids from texts."""
    return bool(value) and isinstance(value[0], list)


class EmbeddingsRequest(Request):
    """Texts to embed, or the token ids of texts."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"model": "litotes-small", "input": ["The drug reduced mortality."]},
                {
                    "model": "litotes-small",
                    "input": "The drug reduced mortality.",
                    "encoding_format": "base64",
                },
            ]
        }
    )

    input: Annotated[
        TextsOrTokens,
        BeforeValidator(
            _as_texts_or_tokens,
            json_schema_input_type=str | list[str] | list[int] | list[list[int]],
        ),
        Field(
            description="One text, or a list of texts. Or the token ids of one text, or of several,"
            " in the encoding that the server is set to (`token_encoding`: cl100k_base)."
        ),
    ]
    model: Annotated[
        str | None,
        Field(description="Any name: one model is served, and the response names it."),
    ] = None
    encoding_format: Annotated[
        Literal["float", "base64"] | None,
        Field(description="Numbers, or the little-endian float32 bytes in base64; null: numbers."),
    ] = None
    dimensions: Dimensions = None
    user: Annotated[str | None, Field(description="Accepted and not used.")] = None
    negation_weight: NegationWeight = None
    modality: Annotated[
        Literal["text"] | None,
        Field(description="As Infinity's clients send it; 0 `dimensions` beside it means all."),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _all_dimensions(cls, body: object) -> object:
        """Infinity's clients send both fields always, and 0 where their user asks for nothing."""
        if isinstance(body, dict) and body.get("modality") and body.get("dimensions") == 0:
            return body | {"dimensions": None}
        return body


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

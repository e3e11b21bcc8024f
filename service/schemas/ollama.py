"""Requests and responses of Ollama's routes."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from service.schemas.fields import Dimensions, NegationWeight, Request, Truncate, as_texts

Name = Annotated[str, Field(description="The served model's name, with or without `:latest`.")]


def _as_input(value: object) -> list[str]:
    """Return the texts; nothing and an empty text are no texts, as in Ollama."""
    if value is None or value == "":
        return []
    try:
        return as_texts(value)
    except PydanticCustomError as fault:
        # Ollama's words, which its clients look for.
        message = f"is an invalid input type: {fault.message_template}"
        raise PydanticCustomError("input_type", message, fault.context) from None


class OllamaEmbedRequest(Request):
    """Texts to embed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"model": "litotes-small", "input": ["The drug reduced mortality."]}]
        }
    )

    model: Name
    input: Annotated[
        list[str],
        BeforeValidator(_as_input, json_schema_input_type=str | list[str] | None),
        Field(
            default_factory=list, description="One text, or a list of texts; none gives no vectors."
        ),
    ]
    truncate: Truncate = None
    dimensions: Dimensions = None
    negation_weight: NegationWeight = None


class OllamaEmbeddingsRequest(Request):
    """A text to embed, in the older form."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"model": "litotes-small", "prompt": "The drug reduced mortality."}]
        }
    )

    model: Name
    prompt: Annotated[str, Field(description="The text; an empty one gives an empty vector.")] = ""
    negation_weight: NegationWeight = None


class OllamaEmbedResponse(BaseModel):
    """Unit vectors in the order of the texts."""

    model: str
    embeddings: list[list[float]]
    total_duration: Annotated[int, Field(description="Nanoseconds.")]
    load_duration: Annotated[int, Field(description="Nanoseconds; the model is loaded: 0.")]
    prompt_eval_count: Annotated[
        int, Field(description="Tokens that were run, special ones included.")
    ]


class OllamaEmbeddingsResponse(BaseModel):
    """A unit vector."""

    embedding: list[float]


class ModelDetails(BaseModel):
    """What kind of model it is."""

    parent_model: str = ""
    format: str = "onnx"
    family: str
    families: list[str]
    parameter_size: str = ""
    quantization_level: str = ""


class Tag(BaseModel):
    """The served model."""

    name: str
    model: str
    modified_at: Annotated[str, Field(description="When this process started.")]
    size: Annotated[int, Field(description="Bytes of its graph and weights.")]
    digest: str = ""
    details: ModelDetails


class Tags(BaseModel):
    """The one served model, as a list."""

    models: list[Tag]


class Version(BaseModel):
    """The version of the service."""

    version: str


class OllamaErrorBody(BaseModel):
    """What went wrong, in Ollama's shape."""

    error: str
    index: Annotated[
        int | None, Field(description="Position of the text at fault, where one is.")
    ] = None

"""Requests and responses of Cohere's embedding routes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field

from service.errors import InvalidInput
from service.quantization import Precision
from service.schemas.fields import NegationWeight, Request


class Content(Request):
    """A piece of an input."""

    type: Annotated[str, Field(description="Only `text` is served.")]
    text: str | None = None


class Input(Request):
    """An input in pieces, which are read as lines of one text."""

    content: Annotated[list[Content], FailFast()]


class CohereEmbedRequest(Request):
    """Texts to embed, as `texts` or as `inputs`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": "any",
                    "texts": ["The drug reduced mortality."],
                    "input_type": "search_document",
                    "embedding_types": ["float", "ubinary"],
                },
                {
                    "model": "any",
                    "inputs": [{"content": [{"type": "text", "text": "It did not."}]}],
                    "input_type": "search_query",
                },
            ]
        }
    )

    texts: Annotated[list[str] | None, FailFast()] = None
    inputs: Annotated[list[Input] | None, FailFast()] = None
    images: Annotated[list[Any] | None, Field(description="Refused: texts are embedded.")] = None
    model: Annotated[str | None, Field(description="Any name: one model is served.")] = None
    input_type: Annotated[
        Literal["search_document", "search_query", "classification", "clustering", "image"] | None,
        Field(description="What the texts are for: chooses a prompt, where the model has one."),
    ] = None
    embedding_types: Annotated[
        list[Precision] | None,
        FailFast(),
        Field(
            description="The forms of each vector; `float` where none is named. `int8` and `uint8` "
            "need `calibration_ranges.json` in the model folder."
        ),
    ] = None
    truncate: Annotated[
        Literal["NONE", "START", "END"] | None,
        Field(description="The end at which a text that is too long is cut; NONE refuses it."),
    ] = "END"
    max_tokens: Annotated[
        int | None, Field(ge=1, description="Tokens of a text that are read at most.")
    ] = None
    output_dimension: Annotated[
        int | None,
        Field(description="Keep this many leading dimensions, then normalise again."),
    ] = None
    priority: Annotated[int | None, Field(description="Accepted and not used.")] = None
    negation_weight: NegationWeight = None

    @property
    def param(self) -> str:
        """The field that holds the texts."""
        return "inputs" if self.texts is None and self.inputs is not None else "texts"

    def read_texts(self) -> list[str]:
        """Return the texts, from either field.

        Raises:
            InvalidInput: There are images, both fields or neither.
        """
        if self.images or self.input_type == "image":
            field = "images" if self.images else "input_type"
            raise InvalidInput(f"`{field}`: images are not served, only texts", param=field)
        if self.texts is not None and self.inputs is not None:
            raise InvalidInput("send `texts` or `inputs`, not both", param="inputs")
        if self.texts is not None:
            return self.texts
        if self.inputs is None:
            raise InvalidInput("`texts` is required, or `inputs`", param="texts")
        return [_text_of(item, index) for index, item in enumerate(self.inputs)]


def _text_of(item: Input, index: int) -> str:
    for number, content in enumerate(item.content):
        if content.type != "text" or content.text is None:
            fault = "is required" if content.type == "text" else "must be of the type `text`"
            place = f"inputs[{index}].content[{number}]" + ".text" * (content.type == "text")
            raise InvalidInput(f"`{place}` {fault}", index=index, param="inputs")
    return "\n".join(content.text or "" for content in item.content)


# Named outside: inside the class, `float` is the field of that name.
_FloatRows = list[list[float]]


class CohereEmbeddingsByType(BaseModel):
    """The vectors in each form that was asked for, in the order of the texts."""

    float: _FloatRows | None = None
    base64: Annotated[
        list[str] | None, Field(description="Little-endian float32, a text a vector.")
    ] = None
    int8: list[list[int]] | None = None
    uint8: list[list[int]] | None = None
    binary: list[list[int]] | None = None
    ubinary: list[list[int]] | None = None


class CohereEmbedApiVersion(BaseModel):
    """Cohere's version of the route."""

    version: Literal["1", "2"]


class CohereEmbedBilledUnits(BaseModel):
    """What the request would cost there."""

    input_tokens: Annotated[int, Field(description="Tokens that were run, special ones included.")]


class CohereEmbedMeta(BaseModel):
    """What Cohere tells of a request."""

    api_version: CohereEmbedApiVersion
    billed_units: CohereEmbedBilledUnits


class CohereEmbedByTypeResponse(BaseModel):
    """Vectors by their form."""

    response_type: Literal["embeddings_by_type"] = "embeddings_by_type"
    id: str
    embeddings: CohereEmbeddingsByType
    texts: list[str]
    meta: CohereEmbedMeta


class CohereEmbedFloatsResponse(BaseModel):
    """Vectors as numbers: the older form, where no type was named."""

    response_type: Literal["embeddings_floats"] = "embeddings_floats"
    id: str
    embeddings: list[list[float]]
    texts: list[str]
    meta: CohereEmbedMeta

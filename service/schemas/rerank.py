"""Requests and responses of the rerank routes: text-embeddings-inference's, Jina's, Cohere's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, FailFast, Field, JsonValue
from pydantic_core import PydanticCustomError

from service.errors import InvalidInput
from service.schemas.fields import Request, TextList, Truncate, TruncationDirection
from service.schemas.openai import OpenAIErrorBody

_QUERY = "Which hotels have no pool?"
_PASSAGES: list[JsonValue] = ["The hotel has a large pool.", "There is no pool, but a garden."]


class RerankRequest(Request):
    """Texts to rank, in text-embeddings-inference's fields."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"query": _QUERY, "texts": _PASSAGES, "return_text": True}]}
    )

    query: Annotated[str, Field(description="What is looked for.")]
    texts: TextList
    truncate: Truncate = None
    truncation_direction: TruncationDirection = "right"
    raw_scores: Annotated[bool, Field(description="Give logits, not probabilities.")] = False
    return_text: Annotated[bool, Field(description="Give each text back.")] = False


class RankedText(BaseModel):
    """One text, in text-embeddings-inference's fields."""

    index: Annotated[int, Field(description="Its position in the request.")]
    score: float
    text: Annotated[str | None, Field(description="Where `return_text` asks for it.")] = None


def _as_document(value: object) -> object:
    if isinstance(value, str | dict):
        return value
    raise PydanticCustomError("document", "must be a string or an object")


Document = Annotated[
    str | dict[str, Any],
    BeforeValidator(_as_document, json_schema_input_type=str | dict[str, Any]),
]


class _DocumentsRequest(Request):
    """What Jina and Cohere have in common."""

    query: Annotated[str, Field(description="What is looked for.")]
    documents: Annotated[
        list[Document], FailFast(), Field(description="Strings, or objects with a `text`.")
    ]
    model: Annotated[
        str | None,
        Field(description="Any name: one model reranks."),
    ] = None
    top_n: Annotated[
        int | None, Field(ge=1, description="Give the best so many only; null gives all.")
    ] = None
    rank_fields: Annotated[
        list[str] | None,
        Field(
            min_length=1,
            description="The fields of an object that are read, in this order, a line each;"
            " null reads `text`.",
        ),
    ] = None
    raw_scores: Annotated[bool, Field(description="Give logits, not probabilities.")] = False

    def read_documents(self) -> list[str]:
        """Return the text of each document.

        Raises:
            InvalidInput: An object lacks a field, or holds no string there.
        """
        fields = self.rank_fields or ["text"]
        return [_text_of(document, n, fields) for n, document in enumerate(self.documents)]


def _text_of(document: str | Mapping[str, Any], index: int, fields: Sequence[str]) -> str:
    if isinstance(document, str):
        return document
    for field in fields:
        if not isinstance(document.get(field), str):
            fault = "must be a string" if field in document else "is required"
            raise InvalidInput(
                f"`documents[{index}].{field}` {fault}", index=index, param="documents"
            )
    return "\n".join(document[field] for field in fields)


class JinaRerankRequest(_DocumentsRequest):
    """Documents to rank, in Jina's fields."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"query": _QUERY, "documents": _PASSAGES, "top_n": 1},
                {"query": _QUERY, "documents": [{"text": text} for text in _PASSAGES]},
            ]
        }
    )

    return_documents: Annotated[bool, Field(description="Give each document back.")] = True
    max_tokens_per_doc: Annotated[
        int | None, Field(ge=1, description="Cut documents after so many tokens.")
    ] = None


class CohereRerankRequest(_DocumentsRequest):
    """Documents to rank, in Cohere's fields."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"model": "any", "query": _QUERY, "documents": _PASSAGES, "top_n": 1},
            ]
        }
    )

    return_documents: Annotated[bool, Field(description="Give each document back.")] = False
    max_tokens_per_doc: Annotated[
        int, Field(ge=1, description="Cut documents after so many tokens.")
    ] = 4096
    priority: Annotated[int | None, Field(description="Accepted and not used.")] = None


class RankedDocumentText(BaseModel):
    """The document, as it was read."""

    text: str


class RankedDocument(BaseModel):
    """One document, in Jina's and Cohere's fields."""

    index: Annotated[int, Field(description="Its position in the request.")]
    relevance_score: float
    document: Annotated[
        RankedDocumentText | None, Field(description="Where it is to be given back.")
    ] = None


class RerankUsage(BaseModel):
    """Tokens that were run, special tokens and repeats of the query included."""

    prompt_tokens: int
    total_tokens: int


class JinaRerankResponse(BaseModel):
    """The documents, the most relevant first."""

    id: str
    model: str
    usage: RerankUsage
    results: list[RankedDocument]


class ApiVersion(BaseModel):
    """Cohere's version of the route."""

    version: Literal["2"] = "2"


class BilledUnits(BaseModel):
    """What the request would cost there."""

    search_units: Annotated[
        int, Field(description="One for each hundred windows of documents, begun ones included.")
    ]


class CohereMeta(BaseModel):
    """What Cohere tells of a request."""

    api_version: ApiVersion
    billed_units: BilledUnits


class CohereRerankResponse(BaseModel):
    """The documents, the most relevant first."""

    id: str
    results: list[RankedDocument]
    meta: CohereMeta


class JinaErrorBody(OpenAIErrorBody):
    """What went wrong, in Jina's shape and in OpenAI's, which others use on this route."""

    detail: str


class CohereErrorBody(BaseModel):
    """What went wrong, in Cohere's shape."""

    message: str
    index: Annotated[
        int | None, Field(description="Position of the text at fault, where one is.")
    ] = None

"""Requests of text-embeddings-inference's routes, with our optional fields."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from service.schemas.fields import (
    Dimensions,
    NegationWeight,
    PromptName,
    Request,
    TextList,
    TextPairs,
    Texts,
    Truncate,
    TruncationDirection,
    form_by_field,
)


class EmbedAllRequest(Request):
    """Texts whose tokens are to be embedded."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"inputs": ["The drug reduced mortality."]}]}
    )

    inputs: Annotated[Texts, Field(description="One text, or a list of texts.")]
    truncate: Truncate = None
    truncation_direction: TruncationDirection = "right"
    prompt_name: PromptName = None


class EmbedRequest(EmbedAllRequest):
    """Texts to embed."""

    normalize: Annotated[bool, Field(description="Scale each vector to length 1.")] = True
    dimensions: Dimensions = None
    negation_weight: NegationWeight = None


class SimilarityParameters(Request):
    """How the texts of a comparison are read."""

    truncate: Truncate = None
    truncation_direction: TruncationDirection = "right"
    prompt_name: PromptName = None
    negation_weight: NegationWeight = None


class Comparison(Request):
    """One sentence, and those that it is compared with."""

    source_sentence: str
    sentences: TextList


class NestedSimilarity(Request):
    """text-embeddings-inference's form."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "inputs": {
                        "source_sentence": "The drug reduced mortality.",
                        "sentences": ["Fewer patients died.", "The drug did not help."],
                    },
                    "parameters": {"truncate": True},
                }
            ]
        }
    )

    inputs: Comparison
    parameters: SimilarityParameters | None = None
    negation_weight: NegationWeight = None

    @property
    def effective_parameters(self) -> SimilarityParameters:
        """The parameters, with the weight from either place."""
        parameters = self.parameters or SimilarityParameters()
        if self.negation_weight is None:
            return parameters
        return parameters.model_copy(update={"negation_weight": self.negation_weight})


class FlatSimilarity(Comparison, SimilarityParameters):
    """The same on one level."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"source_sentence": "It works.", "sentences": ["It runs.", "It does not work."]}
            ]
        }
    )


class PairSimilarity(SimilarityParameters):
    """Pairs of texts, each compared by itself."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"pairs": [["It works.", "It does not work."]]}]}
    )

    pairs: TextPairs


SimilarityRequest = Annotated[
    Annotated[NestedSimilarity, Tag("<nested>")]
    | Annotated[FlatSimilarity, Tag("<flat>")]
    | Annotated[PairSimilarity, Tag("<pairs>")],
    Discriminator(
        form_by_field(
            {
                "inputs": "<nested>",
                "pairs": "<pairs>",
                "source_sentence": "<flat>",
                "sentences": "<flat>",
            }
        ),
        custom_error_type="form",
        custom_error_message="send `inputs` with `source_sentence` and `sentences`, "
        "or these two alone, or `pairs`",
    ),
]


class ErrorBody(BaseModel):
    """What went wrong, in text-embeddings-inference's shape."""

    error: str
    error_type: Literal["Unhealthy", "Backend", "Overloaded", "Validation", "Tokenizer", "Empty"]
    index: Annotated[
        int | None, Field(description="Position of the text at fault, where one is.")
    ] = None

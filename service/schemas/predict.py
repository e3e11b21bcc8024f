"""Requests and responses of text-embeddings-inference's sequence classification."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from service.schemas.fields import Request, Truncate, TruncationDirection

Pair = tuple[str, str]

_SHAPES = "must be a pair of strings, or a list of pairs"
_ONE_TEXT = "is one text, and the model tells how two texts relate: send a pair of strings"


def are_pairs(value: object) -> bool:
    """Tell whether `inputs` are meant for a classifier: lists of strings in a list."""
    return isinstance(value, list) and any(
        isinstance(item, list) and any(isinstance(text, str) for text in item) for item in value
    )


def _as_pairs(value: object) -> Pair | list[Pair]:
    match value:
        case str() | [str()]:
            raise PydanticCustomError("pairs", _ONE_TEXT)
        case [str(first), str(second)]:
            return first, second
        case []:
            return []
        case [list(), *_]:
            return [_as_pair(item, index) for index, item in enumerate(value)]
    raise PydanticCustomError("pairs", _SHAPES)


def _as_pair(value: object, index: int) -> Pair:
    match value:
        case [str(first), str(second)]:
            return first, second
        case [str()]:
            raise PydanticCustomError("pairs", _ONE_TEXT, {"index": index})
    raise PydanticCustomError("pairs", "must be a list of two strings", {"index": index})


class PredictRequest(Request):
    """Pairs of texts to classify."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"inputs": ["The bridge is open.", "The bridge is closed."]},
                {"inputs": [["It works.", "It does not work."], ["It works.", "It runs."]]},
            ]
        }
    )

    inputs: Annotated[
        Pair | list[Pair],
        BeforeValidator(_as_pairs, json_schema_input_type=list[str] | list[list[str]]),
        Field(description="Two texts, or a list of such pairs."),
    ]
    truncate: Truncate = None
    truncation_direction: TruncationDirection = "right"
    raw_scores: Annotated[bool, Field(description="Give logits, not probabilities.")] = False


class Prediction(BaseModel):
    """How well one relation fits."""

    score: float
    label: Annotated[str, Field(description="equivalence, contradiction, hedge or neutral.")]

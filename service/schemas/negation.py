"""Requests and responses of Litotes' own route."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, FailFast, Field, Tag

from service.schemas.fields import NegationWeight, Request, Truncate


class TextPair(Request):
    """Two texts whose relation is asked for."""

    a: str
    b: str


class _Parameters(Request):
    truncate: Truncate = None
    negation_weight: NegationWeight = None


class PairCheck(TextPair, _Parameters):
    """One pair; the response is one result."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"a": "It works.", "b": "It does not work."}]}
    )


class PairsCheck(_Parameters):
    """Several pairs; the response is a list with one result a pair, in order."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"pairs": [{"a": "It works.", "b": "It does not work."}]}]}
    )

    pairs: Annotated[list[TextPair], FailFast()]


def _form(body: object) -> str | None:
    if not isinstance(body, dict):
        return None
    if "pairs" in body:
        return "<pairs>"
    return "<pair>" if "a" in body or "b" in body else None


NegationRequest = Annotated[
    Annotated[PairCheck, Tag("<pair>")] | Annotated[PairsCheck, Tag("<pairs>")],
    Discriminator(
        _form,
        custom_error_type="form",
        custom_error_message="send `a` and `b`, or `pairs`: a list of objects with `a` and `b`",
    ),
]


class CueItem(BaseModel):
    """A word or phrase that negates or hedges."""

    text: str
    kind: Literal["explicit", "affixal", "implicit", "quantifier", "exclusion", "hedge"]
    start: Annotated[int, Field(description="Offset of its first character (code points).")]
    end: Annotated[int, Field(description="Offset after its last character (code points).")]


class Cues(BaseModel):
    """The cues of both texts."""

    a: list[CueItem]
    b: list[CueItem]


class NegationResult(BaseModel):
    """How the two texts of a pair relate."""

    relation: Annotated[
        Literal["equivalence", "contradiction", "hedge", "neutral"] | None,
        Field(description="Null when the best score is under the model's threshold."),
    ]
    scores: Annotated[dict[str, float], Field(description="One score a relation; sum is 1.")]
    similarity: Annotated[float, Field(description="Cosine of the two embeddings.")]
    cues: Cues

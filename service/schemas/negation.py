"""Requests and responses of Litotes' own route."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, FailFast, Field, Tag

from service.schemas.fields import (
    NegationWeight,
    Request,
    TextList,
    Truncate,
    form_by_field,
)

Relation = Literal["equivalence", "contradiction", "hedge", "neutral"]
Scores = Annotated[dict[str, float], Field(description="One score a relation; sum is 1.")]
Start = Annotated[int, Field(description="Offset of its first character (code points).")]
End = Annotated[int, Field(description="Offset after its last character (code points).")]


class TextPair(Request):
    """Two texts whose relation is asked for."""

    a: str
    b: str


class _Parameters(Request):
    truncate: Truncate = None
    negation_weight: NegationWeight = None
    explain: Annotated[
        bool,
        Field(
            description="Tell what each word does to the contradiction score: it is scored again"
            " without the word. A cue of several words is taken as one."
        ),
    ] = False


class PairCheck(TextPair, _Parameters):
    """One pair; the response is one result."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"a": "It works.", "b": "It does not work."},
                {"a": "It works.", "b": "It does not work.", "explain": True},
            ]
        }
    )


class PairsCheck(_Parameters):
    """Several pairs; the response is a list with one result a pair, in order."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"pairs": [{"a": "It works.", "b": "It does not work."}]}]}
    )

    pairs: Annotated[list[TextPair], FailFast()]


class DocumentCheck(Request):
    """A claim and passages; the response tells which of them contradict it, and where."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "claim": "The drug reduces mortality.",
                    "passages": [
                        "It was tested on 900 patients. The drug does not reduce mortality.",
                        "The trial was stopped early.",
                    ],
                }
            ]
        }
    )

    claim: str
    passages: Annotated[
        TextList,
        Field(description="Each is split into sentences, checked by themselves."),
    ]
    truncate: Truncate = None


NegationRequest = Annotated[
    Annotated[PairCheck, Tag("<pair>")]
    | Annotated[PairsCheck, Tag("<pairs>")]
    | Annotated[DocumentCheck, Tag("<document>")],
    Discriminator(
        form_by_field(
            {
                "pairs": "<pairs>",
                "a": "<pair>",
                "b": "<pair>",
                "claim": "<document>",
                "passages": "<document>",
            }
        ),
        custom_error_type="form",
        custom_error_message="send `a` and `b`, or `pairs`: a list of objects with `a` and `b`,"
        " or `claim` and `passages`",
    ),
]


class CueItem(BaseModel):
    """A word or phrase that negates or hedges."""

    text: str
    kind: Literal["explicit", "affixal", "implicit", "quantifier", "exclusion", "hedge"]
    start: Start
    end: End


class Cues(BaseModel):
    """The cues of both texts."""

    a: list[CueItem]
    b: list[CueItem]


class WordEffect(BaseModel):
    """What a word does to the contradiction score."""

    text: str
    start: Start
    end: End
    effect: Annotated[
        float, Field(description="The score with the word minus the score without it.")
    ]


class Explanation(BaseModel):
    """The effects of the words of both texts, the largest first."""

    a: list[WordEffect]
    b: list[WordEffect]


class NegationResult(BaseModel):
    """How the two texts of a pair relate."""

    relation: Annotated[
        Relation | None,
        Field(description="Null when the best score is under the model's threshold."),
    ]
    scores: Scores
    similarity: Annotated[float, Field(description="Cosine of the two embeddings.")]
    cues: Cues
    explanation: Annotated[
        Explanation | None, Field(description="Where `explain` asks for it.")
    ] = None


class Sentence(BaseModel):
    """A sentence of a passage."""

    text: str
    start: Start
    end: End


class PassageResult(BaseModel):
    """How a passage relates to the claim."""

    relation: Annotated[
        Relation,
        Field(
            description="That of the sentence which contradicts the claim most, if its score"
            " reaches the model's threshold; else of the one that says the same, else of the one"
            " that hedges it; neutral where there is none of these."
        ),
    ]
    scores: Annotated[Scores, Field(description="Those of this sentence.")]
    sentence: Sentence
    sentences: Annotated[int, Field(description="How many sentences the passage has.")]


class DocumentResult(BaseModel):
    """How the passages relate to the claim: one result a passage, in order."""

    results: list[PassageResult]
    verdict: Annotated[
        Literal["contradicted", "supported", "mixed", "unclear"],
        Field(
            description="Contradicted where a passage contradicts the claim and none says the"
            " same; supported the other way round; mixed where both happen."
        ),
    ]

"""Requests and responses of the tokenizer's routes."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.fields import PromptName, Request, Texts, TokenArrays


class TokenizeRequest(Request):
    """Texts to tokenise."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"inputs": ["The drug reduced mortality."]}]}
    )

    inputs: Annotated[Texts, Field(description="One text, or a list of texts.")]
    add_special_tokens: Annotated[
        bool, Field(description="Put in what the model gets beside the text.")
    ] = True
    prompt_name: PromptName = None


class TokenBody(BaseModel):
    """One token of a text."""

    id: int
    text: Annotated[str, Field(description="Its part of the text; a special token's name.")]
    special: bool
    start: Annotated[
        int | None,
        Field(description="Offset of its first character, in code points; null for a special one."),
    ]
    stop: Annotated[int | None, Field(description="Offset after its last character.")]


class DecodeRequest(Request):
    """Token ids to turn into text."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ids": [[101, 2054, 102]]}]})

    ids: Annotated[
        TokenArrays,
        Field(description="Ids of the model's own tokens, of one text or of several."),
    ]
    skip_special_tokens: Annotated[bool, Field(description="Leave special tokens out.")] = True

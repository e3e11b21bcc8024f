"""What an endpoint answered: the text that the model wrote, and what it cost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import from_json

from training.distil.rules import Rejection
from training.distil.text import first_fault

# Characters a token, where an endpoint counts no tokens: few, so that cost is not underestimated.
CHARACTERS = 3


@dataclass(frozen=True)
class Usage:
    """Tokens that a model read and wrote."""

    read: int
    written: int

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.read + other.read, self.written + other.written)


NOTHING = Usage(0, 0)


class Message(BaseModel):
    """What the model wrote."""

    content: str | None = None
    refusal: str | None = None


class Choice(BaseModel):
    """The model's text and why it ended."""

    message: Message
    finish_reason: str | None = None


class TokenCounts(BaseModel):
    """Tokens as the endpoint counts them."""

    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)


class Completion(BaseModel):
    """A chat completion, as far as it is needed: endpoints differ in the rest."""

    choices: list[Choice] = Field(min_length=1)


class Counted(BaseModel):
    """A reply that tells its tokens."""

    usage: TokenCounts


def estimate(request: str, tokens: int) -> Usage:
    """What a request may cost at most, before the endpoint tells."""
    return Usage(len(request) // CHARACTERS + 1, tokens)


def usage_of(body: str, expected: Usage) -> Usage:
    """What a reply cost: as the endpoint counts, or by its length where it does not tell."""
    try:
        counts = Counted.model_validate_json(body).usage
    except ValidationError:
        return Usage(expected.read, min(expected.written, len(body) // CHARACTERS + 1))
    return Usage(counts.prompt_tokens, counts.completion_tokens)


def rows_of(body: str) -> tuple[list[Any], Rejection | None]:
    """The rows of a reply, not yet checked, and what is wrong with the reply as a whole.

    Of a text that was cut off, the rows before the cut are kept.
    """
    try:
        choice = Completion.model_validate_json(body).choices[0]
    except ValidationError as error:
        return [], Rejection("protocol", f"not a chat completion: {first_fault(error)}", body)
    text = choice.message.content
    if choice.message.refusal or not text:
        reason = choice.message.refusal or f"no text (finish_reason {choice.finish_reason})"
        return [], Rejection("refusal", reason, body)
    return rows_of_text(text, choice.finish_reason)


def rows_of_text(text: str, finish: str | None) -> tuple[list[Any], Rejection | None]:
    """The rows in the text that a model wrote, be it thought out loud or fenced."""
    text = text.rpartition("</think>")[2]
    start = text.find("{")
    if start < 0:
        return [], Rejection("json", "holds no JSON object", text)
    try:
        content, _ = json.JSONDecoder().raw_decode(text, start)
    except json.JSONDecodeError as error:
        why = "cut off at the most tokens" if finish == "length" else f"no JSON: {error.msg}"
        rows = listed(partial(text[start:]))
        # The last one may lack anything.
        return (rows or [])[:-1], Rejection("cut" if finish == "length" else "json", why, text)
    rows = listed(content)
    if rows is None:
        return [], Rejection("schema", "holds no list of rows", text)
    return rows, None


def partial(text: str) -> Any:
    """As much of a JSON text as there is."""
    try:
        return from_json(text, allow_partial=True)
    except ValueError:
        return None


def listed(content: Any) -> list[Any] | None:
    """The list of rows in a reply."""
    rows = content.get("rows") if isinstance(content, Mapping) else None
    return rows if isinstance(rows, list) else None

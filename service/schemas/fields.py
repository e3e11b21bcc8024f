"""The fields that several requests share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, FailFast, Field
from pydantic_core import PydanticCustomError

NO_TOKEN_IDS = (
    "holds token ids, which differ from tokenizer to tokenizer: send the text itself "
    "(with LangChain's OpenAIEmbeddings: check_embedding_ctx_length=False)"
)


class Request(BaseModel):
    """A request body: types are not coerced, fields that we do not know are ignored."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


def form_by_field(forms: Mapping[str, str]) -> Callable[[object], str | None]:
    """Make what tells the forms of a request apart by a field that only one of them has.

    Args:
        forms: Tag of the form by the name of the field; the first that a body has counts.
    """

    def form(body: object) -> str | None:
        if not isinstance(body, dict):
            return None
        return next((tag for field, tag in forms.items() if field in body), None)

    return form


def as_texts(value: object) -> list[str]:
    """Return `value` as a list of strings, or say which of its items is not one."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        raise PydanticCustomError("texts", "must be a string or a list of strings")
    for index, item in enumerate(value):
        if not isinstance(item, str):
            raise _not_a_text(value, index)
    return value


def as_token_arrays(value: object) -> list[list[int]]:
    """Return `value` as a list of lists of integers, or say which of its items is none.

    The first item tells whether it is one list of integers or a list of such lists.
    """
    if not isinstance(value, list):
        raise PydanticCustomError("token_ids", "must be a list of token ids, or of lists of them")
    if not value or isinstance(value[0], list):
        for index, item in enumerate(value):
            _check_token_ids(item, index)
        return value
    for index, item in enumerate(value):
        if type(item) is not int:
            raise PydanticCustomError("token_ids", "must be an integer", {"index": index})
    return [value]


def _check_token_ids(value: object, index: int) -> None:
    if not isinstance(value, list):
        reason = "must be a list of token ids, as the first one is"
        raise PydanticCustomError("token_ids", reason, {"index": index})
    for number, item in enumerate(value):
        if type(item) is not int:
            context = {"index": index, "number": number}
            reason = "must hold integers only, and its item {number} is none"
            raise PydanticCustomError("token_ids", reason, context)


def _not_a_text(items: list[object], index: int) -> PydanticCustomError:
    if _are_token_ids(items):
        return PydanticCustomError("token_ids", NO_TOKEN_IDS)
    if isinstance(items[index], list) and _are_token_ids(items[index]):
        return PydanticCustomError("token_ids", NO_TOKEN_IDS, {"index": index})
    return PydanticCustomError("texts", "must be a string", {"index": index})


def _are_token_ids(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(type(item) is int for item in value)


def _as_pair(value: object) -> tuple[str, str]:
    match value:
        case [str(first), str(second)]:
            return first, second
    raise PydanticCustomError("pair", "must be a list of two strings")


def _lower_case(value: object) -> object:
    return value.lower() if value in ("Left", "Right") and isinstance(value, str) else value


Texts = Annotated[list[str], BeforeValidator(as_texts, json_schema_input_type=str | list[str])]
TokenArrays = Annotated[
    list[list[int]],
    BeforeValidator(as_token_arrays, json_schema_input_type=list[int] | list[list[int]]),
]
TextList = Annotated[list[str], FailFast()]
TextPairs = Annotated[
    list[Annotated[tuple[str, str], BeforeValidator(_as_pair, json_schema_input_type=list[str])]],
    FailFast(),
]

Truncate = Annotated[
    bool | None,
    Field(
        description="Cut texts that are longer than the model reads; otherwise such a text is "
        "refused with its index. Null: as the server is set."
    ),
]
TruncationDirection = Annotated[
    Literal["left", "right"],
    BeforeValidator(_lower_case, json_schema_input_type=Literal["Left", "Right", "left", "right"]),
    Field(description="The end at which a text that is too long is cut."),
]
PromptName = Annotated[
    str | None, Field(description="Name of one of the model's prompts, put before each text.")
]
Dimensions = Annotated[
    int | None,
    Field(
        description="Keep this many leading dimensions, then normalise again. The first "
        "`general_dimensions` (see /info) of a two-part model are its general part: that many or "
        "fewer give vectors that are blind to negation."
    ),
]
NegationWeight = Annotated[
    float | None,
    Field(
        description="How much the polarity part counts against the general part, from 0 (blind "
        "to negation) to 1. Null: as the model was made. Two-part models only."
    ),
]

"""text-embeddings-inference's tokenizer routes: /tokenize and /decode."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from fastapi import APIRouter
from starlette.responses import Response

from service.errors import EmptyInput
from service.routes.body import JsonRoute
from service.routes.dependencies import CallDep, EncoderDep
from service.routes.portions import in_portions
from service.routes.rendering import error_responses, json_response
from service.routes.texts import check_count, listed, named
from service.schemas.tei import ErrorBody
from service.schemas.tokens import DecodeRequest, TokenBody, TokenizeRequest
from service.tokenization import Tokenizer
from service.tokens import decode, list_tokens

router = APIRouter(
    route_class=JsonRoute,
    tags=["text-embeddings-inference"],
    responses=error_responses(ErrorBody),
)

_Numbered = tuple[int, Sequence[int]]


@router.post("/tokenize", response_model=list[list[TokenBody]])
async def tokenize(body: TokenizeRequest, encoder: EncoderDep, call: CallDep) -> Response:
    """List the tokens of texts, all of them: nothing is cut.

    Offsets count from the start of the prompt, where the text gets one.
    """
    settings = call.settings
    texts = listed("inputs", body.inputs)
    check_count("inputs", len(body.inputs), settings.max_client_batch_size)
    texts.check(blanks_allowed=True)
    with named(texts.place):
        tokens = await list_tokens(
            encoder.tokenizer,
            texts.texts,
            add_special_tokens=body.add_special_tokens,
            prompt=encoder.find_prompt(body.prompt_name),
            limit=settings.max_listed_tokens,
        )
    return json_response(tokens)


@router.post("/decode", response_model=list[str])
async def decode_tokens(body: DecodeRequest, encoder: EncoderDep, call: CallDep) -> Response:
    """Turn ids of the model's own tokens into text, one a list of ids."""
    check_count("ids", len(body.ids), call.settings.max_client_batch_size)
    work = partial(_decode, encoder.tokenizer, skip_special_tokens=body.skip_special_tokens)
    with named(listed("ids", []).place):
        texts = await in_portions(work, list(enumerate(body.ids)), lambda item: len(item[1]))
    return json_response(texts)


def _decode(
    tokenizer: Tokenizer, items: Sequence[_Numbered], *, skip_special_tokens: bool
) -> list[str]:
    texts = []
    for index, ids in items:
        if not ids:
            raise EmptyInput("`inputs` cannot be empty", index=index)
        texts.append(decode(tokenizer, ids, index, skip_special_tokens=skip_special_tokens))
    return texts

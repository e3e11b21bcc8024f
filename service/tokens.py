"""The tokens of texts, each with its place in its text, and the texts of tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import tokenizers

from service.errors import InputTooLong, InvalidInput, TooManyInputs
from service.tokenization import Tokenizer

# Texts that are tokenised before their tokens are counted.
_ROUND = 64


@dataclass(frozen=True, slots=True)
class Token:
    """One token, in text-embeddings-inference's fields.

    Attributes:
        id: Its number in the model's vocabulary.
        text: What it stands for in the text; its name, if it is a special one.
        special: Whether it was put in, and is no part of the text.
        start: Offset of its first character, in code points; None for a special one.
        stop: Offset after its last character.
    """

    id: int
    text: str
    special: bool
    start: int | None
    stop: int | None


async def list_tokens(
    tokenizer: Tokenizer,
    texts: Sequence[str],
    *,
    add_special_tokens: bool,
    prompt: str,
    limit: int,
) -> list[list[Token]]:
    """Return the tokens of each text, all of them, though the model may read fewer.

    Args:
        tokenizer: The model's.
        texts: What to tokenise.
        add_special_tokens: Put the special tokens in, as they are for the model.
        prompt: Put before each text; offsets count from its start.
        limit: Tokens of all texts.

    Raises:
        InputTooLong: A text has more characters than are read of any.
        TooManyInputs: There are more tokens.
        Unavailable: The tokenizer is closed.
    """
    prompted = [prompt + text for text in texts]
    for index, text in enumerate(prompted):
        if len(text) > tokenizer.max_characters:
            raise InputTooLong(
                f"`inputs` must have at most {tokenizer.max_characters} characters."
                f" Given: {len(text)}",
                index=index,
            )
    work = partial(_encode, tokenizer, add_special_tokens=add_special_tokens)
    found: list[list[Token]] = []
    total = 0
    for start in range(0, len(prompted), _ROUND):
        chunk = prompted[start : start + _ROUND]
        encodings = await tokenizer.spread(work, chunk)
        total += sum(map(len, encodings))
        if total > limit:
            raise TooManyInputs(
                f"`inputs`: the texts have over {limit} tokens together", param="inputs"
            )
        found += await asyncio.to_thread(_describe_all, chunk, encodings)
    return found


def decode(
    tokenizer: Tokenizer, ids: Sequence[int], index: int, *, skip_special_tokens: bool
) -> str:
    """Return the text that tokens make.

    Args:
        tokenizer: The model's.
        ids: The tokens.
        index: Which of several lists this is, for errors.
        skip_special_tokens: Leave special tokens out.

    Raises:
        InvalidInput: An id is not in the vocabulary.
    """
    for number in ids:
        if not tokenizer.knows(number):
            raise InvalidInput(
                f"`inputs` holds {number}, which is not a token id of this model", index=index
            )
    return tokenizer.decode(ids, skip_special_tokens=skip_special_tokens)


def _encode(
    tokenizer: Tokenizer, texts: Sequence[str], start: int, *, add_special_tokens: bool
) -> list[tokenizers.Encoding]:
    return [tokenizer.encode_whole(text, add_special_tokens=add_special_tokens) for text in texts]


def _describe_all(
    texts: Sequence[str], encodings: Sequence[tokenizers.Encoding]
) -> list[list[Token]]:
    return [_describe(text, tokens) for text, tokens in zip(texts, encodings, strict=True)]


def _describe(text: str, encoding: tokenizers.Encoding) -> list[Token]:
    columns = (encoding.ids, encoding.tokens, encoding.special_tokens_mask, encoding.offsets)
    return [
        Token(number, name, special=True, start=None, stop=None)
        if special
        else Token(number, text[start:stop], special=False, start=start, stop=stop)
        for number, name, special, (start, stop) in zip(*columns, strict=True)
    ]

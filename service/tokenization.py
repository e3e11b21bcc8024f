"""Texts to token ids, in a few threads, once, without padding.

The tokenizer is never reconfigured after loading: `enable_truncation` and `enable_padding` rewrite
state that all threads share. So texts are cut here, which also tells how long they were.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import tokenizers
from numpy.typing import NDArray

from service.encoding import Direction, Encoding, Tokens, cut_ids, fit_lengths
from service.errors import EmptyInput, InputTooLong, InvalidInput, StartupError, Unavailable
from service.template import Template

Source = TypeVar("Source", str, tuple[str, str])
Result = TypeVar("Result")

# Texts of one piece of work: enough to make the hop into a thread cheap, few enough for others to
# get their turn soon.
_CHUNK = 64

# Texts of no more characters than this together are tokenised where they are asked for: they take
# less time than the way into a thread and back.
_INLINE_CHARACTERS = 512

_SURROGATE = re.compile("[\ud800-\udfff]")

# A text of more characters than this for each token it may have is cut before it is tokenised, so
# that one huge text costs no more than a long one. The value is text-embeddings-inference's: words
# have some 5 characters a token, and 250 leave room for any amount of white space.
_CHARACTERS_PER_TOKEN = 250


class Tokenizer:
    """A `tokenizers.Tokenizer` behind a pool of threads; of a text it reads `max_characters`.

    Args:
        path: The `tokenizer.json`; the truncation and padding it may ask for are ignored.
        max_input_tokens: Tokens of the longest text or pair, special tokens included.
        workers: Number of threads.

    Raises:
        StartupError: The file cannot be read, or special tokens leave no room for a pair.
    """

    def __init__(self, path: Path, *, max_input_tokens: int, workers: int) -> None:
        # Our threads take the place of the library's own, which ignore a container's quota.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        self.max_input_tokens = max_input_tokens
        self.max_characters = max_input_tokens * _CHARACTERS_PER_TOKEN
        self._tokenizer = _load(path)
        self._special_tokens: dict[bool, int] = {
            pair: self._tokenizer.num_special_tokens_to_add(pair) for pair in (False, True)
        }
        self._templates = {
            pair: Template.learn(self._tokenizer, pair=pair) for pair in (False, True)
        }
        if self._special_tokens[True] + 2 > max_input_tokens:
            raise StartupError(f"max_input_tokens {max_input_tokens} leaves no room for text")
        self._workers = workers
        self._closed = False
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="tokenization")

    def close(self) -> None:
        """Take no more texts, and end the threads when those taken are tokenised."""
        self._closed = True
        self._pool.shutdown(wait=False)

    async def encode(
        self,
        texts: Sequence[str],
        *,
        truncate: bool,
        direction: Direction = "right",
        prompt: str = "",
        max_tokens: int | None = None,
    ) -> list[Encoding]:
        """Tokenise texts, each with the prompt before it.

        Args:
            texts: What to tokenise.
            truncate: Cut texts over the maximum, rather than refuse them.
            direction: The end that is cut.
            prompt: Put before each text; it does not make an empty text count as content.
            max_tokens: A maximum under the model's own, special tokens not counted.

        Raises:
            EmptyInput: A text has no content; `index` says which.
            InputTooLong: A text is over the maximum and `truncate` is off.
            InvalidInput: A text is not valid Unicode.
            Unavailable: The tokenizer is closed.
        """
        work = partial(
            self._encode,
            truncate=truncate,
            direction=direction,
            prompt=prompt,
            max_tokens=max_tokens,
        )
        return await self.spread(work, texts)

    async def encode_pairs(
        self,
        pairs: Sequence[tuple[str, str]],
        *,
        truncate: bool,
        direction: Direction = "right",
        blanks_allowed: bool = False,
    ) -> list[Encoding]:
        """Tokenise pairs of texts, cutting the longer one of a pair first.

        Args:
            pairs: What to tokenise.
            truncate: Cut pairs over the maximum, rather than refuse them.
            direction: The end at which a text is cut.
            blanks_allowed: Take texts without content as well.

        Raises:
            EmptyInput: A text has no content; `index` says in which pair.
            InputTooLong: A pair is over the maximum and `truncate` is off.
            InvalidInput: A text is not valid Unicode.
            Unavailable: The tokenizer is closed.
        """
        work = partial(
            self._encode_pairs,
            truncate=truncate,
            direction=direction,
            blanks_allowed=blanks_allowed,
        )
        return await self.spread(work, pairs)

    async def spread(
        self, work: Callable[[Sequence[Source], int], list[Result]], sources: Sequence[Source]
    ) -> list[Result]:
        """Run `work` on chunks in threads, no more at once than there are; on a short text at once.

        So a long list makes way for others after each round, and a cancelled one stops there.

        Args:
            work: Gives one result a source; it is told where its chunk starts in the list.
            sources: What to work on.

        Raises:
            Unavailable: The tokenizer is closed.
        """
        if not self._closed and _are_short(sources):
            return work(sources, 0)
        loop = asyncio.get_running_loop()
        starts = range(0, len(sources), _CHUNK)
        results: list[Result] = []
        for first in range(0, len(starts), self._workers):
            if self._closed:
                raise Unavailable("the service is stopping")
            jobs = [
                loop.run_in_executor(self._pool, work, sources[start : start + _CHUNK], start)
                for start in starts[first : first + self._workers]
            ]
            # All are waited for, so that the fault reported is the first one in the list.
            for chunk in await asyncio.gather(*jobs, return_exceptions=True):
                if isinstance(chunk, BaseException):
                    raise chunk
                results += chunk
        return results

    def special_tokens(self, *, pair: bool) -> int:
        """Return how many special tokens are put into a text, or into a pair."""
        return self._special_tokens[pair]

    def tokenize(
        self, texts: Sequence[str], start: int, direction: Direction, max_characters: int
    ) -> list[Tokens]:
        """Return the tokens of each text, without special ones.

        Args:
            texts: What to tokenise.
            start: Number of the first one, for errors.
            direction: The end at which a text is cut.
            max_characters: Where it is cut.

        Raises:
            InvalidInput: A text is not valid Unicode.
        """
        for index, text in enumerate(texts, start):
            # JSON can spell half of a surrogate pair, and the tokenizer takes valid text only.
            if _SURROGATE.search(text):
                raise InvalidInput("`inputs` must be valid Unicode", index=index)
        limit = max_characters
        parts = [text[:limit] if direction == "right" else text[-limit:] for text in texts]
        encoded = self._tokenizer.encode_batch_fast(parts, add_special_tokens=False)
        return [
            Tokens(tokens, len(text) > limit) for tokens, text in zip(encoded, texts, strict=True)
        ]

    def encode_whole(self, text: str, *, add_special_tokens: bool) -> tokenizers.Encoding:
        """Return all tokens of a text, with their offsets in it, however many they are."""
        return self._tokenizer.encode(text, add_special_tokens=add_special_tokens)

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool) -> str:
        """Return the text that tokens make; ids that are none are left out."""
        text: str = self._tokenizer.decode(ids, skip_special_tokens=skip_special_tokens)
        return text

    def knows(self, id_: int) -> bool:
        """Tell whether this is the id of a token."""
        # What is no 32-bit number is refused by the library with an error of its own.
        return 0 <= id_ < 1 << 32 and self._tokenizer.id_to_token(id_) is not None

    def join(self, *sides: Tokens) -> tokenizers.Encoding:
        """Put the special tokens into one text, or between the two of a pair."""
        return self._tokenizer.post_process(*(side.tokens for side in sides))

    def _encode(
        self,
        texts: Sequence[str],
        start: int,
        *,
        truncate: bool,
        direction: Direction,
        prompt: str,
        max_tokens: int | None,
    ) -> list[Encoding]:
        maximum = self._maximum(max_tokens)
        prompted = [prompt + text for text in (*texts, "")]
        *tokens, bare = self.tokenize(prompted, start, direction, self.max_characters)
        encodings = []
        for index, (text, own) in enumerate(zip(texts, tokens, strict=True), start):
            # The second look is for a text that merges with the prompt's last word.
            added = len(own.tokens) > len(bare.tokens)
            if not (added or self._has_tokens(text, index, direction)):
                raise EmptyInput("`inputs` cannot be empty", index=index)
            encodings.append(
                self._fit([own], index, truncate=truncate, direction=direction, maximum=maximum)
            )
        return encodings

    def _maximum(self, max_tokens: int | None) -> int:
        """Return the tokens of the longest text, special tokens included."""
        if max_tokens is None:
            return self.max_input_tokens
        return min(max_tokens + self._special_tokens[False], self.max_input_tokens)

    def _has_tokens(self, text: str, index: int, direction: Direction) -> bool:
        (own,) = self.tokenize([text], index, direction, self.max_characters)
        return bool(own.tokens)

    def _encode_pairs(
        self,
        pairs: Sequence[tuple[str, str]],
        start: int,
        *,
        truncate: bool,
        direction: Direction,
        blanks_allowed: bool,
    ) -> list[Encoding]:
        limit = self.max_characters
        firsts = self.tokenize([first for first, _ in pairs], start, direction, limit)
        seconds = self.tokenize([second for _, second in pairs], start, direction, limit)
        encodings = []
        for index, pair in enumerate(zip(firsts, seconds, strict=True), start):
            if not blanks_allowed and not all(side.tokens for side in pair):
                raise EmptyInput("a text of a pair cannot be empty", index=index)
            encodings.append(
                self._fit(
                    pair,
                    index,
                    truncate=truncate,
                    direction=direction,
                    maximum=self.max_input_tokens,
                )
            )
        return encodings

    def _fit(
        self,
        sides: Sequence[Tokens],
        index: int,
        *,
        truncate: bool,
        direction: Direction,
        maximum: int,
    ) -> Encoding:
        """Cut one text, or the two of a pair, to the maximum and put the special tokens in."""
        special = self._special_tokens[len(sides) == 2]
        lengths = [len(side.tokens) for side in sides]
        full_length = sum(lengths) + special
        truncated = full_length > maximum or any(side.cut for side in sides)
        if truncated and not truncate:
            given = "more than " * any(side.cut for side in sides) + str(full_length)
            raise InputTooLong(
                f"`inputs` must have at most {maximum} tokens. Given: {given}",
                index=index,
            )
        room = maximum - special
        ids, type_ids = self._enclose(sides, fit_lengths(lengths, room), direction)
        return Encoding(ids, type_ids, truncated, full_length)

    def _enclose(
        self, sides: Sequence[Tokens], lengths: Sequence[int], direction: Direction
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Cut texts to these lengths and put the special tokens in; return the ids and types."""
        template = self._templates[len(sides) == 2]
        if template is None:
            for side, length in zip(sides, lengths, strict=True):
                side.tokens.truncate(length, direction=direction)
            whole = self.join(*sides)
            return np.array(whole.ids, np.int32), np.array(whole.type_ids, np.int32)
        return template.fill(
            [
                cut_ids(side.tokens.ids, length, direction)
                for side, length in zip(sides, lengths, strict=True)
            ]
        )


def _are_short(sources: Sequence[str] | Sequence[tuple[str, str]]) -> bool:
    if len(sources) > _CHUNK:
        return False
    characters = sum(
        len(each) if isinstance(each, str) else sum(map(len, each)) for each in sources
    )
    return characters <= _INLINE_CHARACTERS


def _load(path: Path) -> tokenizers.Tokenizer:
    if not path.is_file():
        raise StartupError(f"{path.parent} has no {path.name}: not a model folder")
    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:
        # The library raises a bare Exception for a file it cannot read.
        raise StartupError(f"{path} is not a tokenizer: {error}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    # Or a text that spells a special token, "[SEP]" say, could end a sentence or hide a word.
    tokenizer.encode_special_tokens = True
    return tokenizer

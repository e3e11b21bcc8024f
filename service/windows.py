"""Passages that are longer than the model reads, as overlapping windows beside one query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from service.encoding import Direction, Encoding, Tokens
from service.errors import EmptyInput, InputTooLong
from service.tokenization import Tokenizer

_BothSides = tuple[NDArray[np.int32], NDArray[np.int32]]

# The query has at most this share of the model's tokens; a window always has the rest.
_QUERY_SHARE = 1 / 2
# The share of a window that the next one repeats, so that no statement falls between two.
_OVERLAP = 1 / 4


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """The windows of several passages, each a pair with the query before it.

    Attributes:
        encodings: All windows, passage by passage.
        starts: Position of each passage's first window there.
        query_truncated: Whether the query was cut.
        truncated: Positions of the passages that were cut.
    """

    encodings: list[Encoding]
    starts: list[int]
    query_truncated: bool
    truncated: list[int]


@dataclass(frozen=True, slots=True)
class PassageLimits:
    """How much of a passage is read.

    Attributes:
        max_windows: Windows of one passage.
        max_tokens: Tokens after which a passage is cut; None leaves it whole.
    """

    max_windows: int
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    """What stands around a window: the query and the special tokens, with their types.

    Attributes:
        ids: Token ids before and after a window.
        type_ids: Their types.
        window_type: The type of a window's tokens.
        room: Tokens of the longest window.
        truncated: Whether the query was cut.
    """

    ids: _BothSides
    type_ids: _BothSides
    window_type: int
    room: int
    truncated: bool

    def enclose(self, window: NDArray[np.int32], *, truncated: bool) -> Encoding:
        """Return the pair of the query and a window."""
        types = np.full_like(window, self.window_type)
        ids = np.concatenate((self.ids[0], window, self.ids[1]))
        return Encoding(
            ids=ids,
            type_ids=np.concatenate((self.type_ids[0], types, self.type_ids[1])),
            truncated=truncated,
            full_length=len(ids),
        )


async def encode_windows(
    tokenizer: Tokenizer,
    query: str,
    passages: Sequence[str],
    limits: PassageLimits,
    *,
    truncate: bool,
    direction: Direction = "right",
) -> Windows:
    """Tokenise passages beside a query, which is kept whole up to half of the model's tokens.

    Args:
        tokenizer: The model's.
        query: The first text of each pair.
        passages: The second ones, at least one.
        limits: How much of a passage is read.
        truncate: Cut a query over its share, rather than refuse it.
        direction: The end of the query that is cut.

    Raises:
        EmptyInput: A text has no content; `index` is 0 for the query, n + 1 for the n-th passage.
        InputTooLong: The query is over its share and `truncate` is off, or a passage is over the
            limit; `index` as above.
        InvalidInput: A text is not valid Unicode; `index` as above.
        Unavailable: The tokenizer is closed.
    """
    frame_query = partial(_frame_query, tokenizer, truncate=truncate, direction=direction)
    (frame,) = await tokenizer.spread(frame_query, [query])
    work = partial(_encode_passages, tokenizer, frame, limits)
    by_passage = await tokenizer.spread(work, passages)
    counts = [len(windows) for windows in by_passage]
    encodings = [window for windows in by_passage for window in windows]
    if frame.truncated:  # counted once, whatever the number of passages
        encodings[0] = replace(encodings[0], truncated=True)
    return Windows(
        encodings=encodings,
        starts=[0, *np.cumsum(counts[:-1]).tolist()],
        query_truncated=frame.truncated,
        truncated=[index for index, (first, *_) in enumerate(by_passage) if first.truncated],
    )


def window_starts(length: int, width: int) -> list[int]:
    """Return where windows of `width` tokens start in a text of so many; the last ends with it."""
    if length <= width:
        return [0]
    stride = width - int(width * _OVERLAP)
    return [*range(0, length - width, stride), length - width]


def best_windows(rows: NDArray[np.float32], starts: Sequence[int]) -> NDArray[np.float32]:
    """Return the row of each passage's most relevant window.

    Args:
        rows: (windows, outputs), of which the last is the relevance.
        starts: Position of each passage's first window.
    """
    if len(starts) == len(rows):
        return rows
    ends = [*starts[1:], len(rows)]
    best = [
        start + int(rows[start:end, -1].argmax()) for start, end in zip(starts, ends, strict=True)
    ]
    return rows[best]


def _frame_query(
    tokenizer: Tokenizer, queries: Sequence[str], _: int, *, truncate: bool, direction: Direction
) -> list[_Frame]:
    (query,) = tokenizer.tokenize(queries, 0, direction, tokenizer.max_characters)
    length = len(query.tokens)
    if not length:
        raise EmptyInput("`inputs` cannot be empty", index=0)
    room = tokenizer.max_input_tokens - tokenizer.special_tokens(pair=True)
    share = int(room * _QUERY_SHARE)
    truncated = query.cut or length > share
    if truncated and not truncate:
        given = "more than " * query.cut + str(length)
        raise InputTooLong(f"`inputs` must have at most {share} tokens. Given: {given}", index=0)
    kept = slice(share) if direction == "right" else slice(-share, None)
    ids, type_ids, window_type = _surroundings(tokenizer, query, kept)
    return [_Frame(ids, type_ids, window_type, room=room - min(length, share), truncated=truncated)]


def _surroundings(
    tokenizer: Tokenizer, query: Tokens, kept: slice
) -> tuple[_BothSides, _BothSides, int]:
    """Return the ids around a window, their types, and the type of the window itself.

    The query is put beside itself, which shows where texts and special tokens stand.
    """
    pair = tokenizer.join(query, query)
    ids, types, special = (
        np.array(numbers, dtype=np.int32)
        for numbers in (pair.ids, pair.type_ids, pair.special_tokens_mask)
    )
    first, second = np.split(np.flatnonzero(special == 0), 2)
    between = np.arange(first[-1] + 1, second[0])
    before = np.concatenate((np.arange(first[0]), first[kept], between))
    after = np.arange(second[-1] + 1, len(special))
    return (ids[before], ids[after]), (types[before], types[after]), int(types[second[0]])


def _encode_passages(
    tokenizer: Tokenizer, frame: _Frame, limits: PassageLimits, passages: Sequence[str], start: int
) -> list[list[Encoding]]:
    characters = limits.max_windows * tokenizer.max_characters
    tokenized = tokenizer.tokenize(passages, start + 1, "right", characters)
    return [
        _windows_of(tokens, index, frame, limits)
        for index, tokens in enumerate(tokenized, start + 1)
    ]


def _windows_of(
    passage: Tokens, index: int, frame: _Frame, limits: PassageLimits
) -> list[Encoding]:
    length = len(passage.tokens)
    if not length:
        raise EmptyInput("`inputs` cannot be empty", index=index)
    kept = min(length, limits.max_tokens or length)
    starts = window_starts(kept, frame.room)
    # What was cut before tokenising may be cut here anyway.
    if len(starts) > limits.max_windows or (passage.cut and kept == length):
        given = "more than " * passage.cut + str(length)
        raise InputTooLong(
            f"`inputs` must fit beside the query into {limits.max_windows} windows of {frame.room}"
            f" tokens, which overlap by a quarter. Given: {given} tokens",
            index=index,
        )
    ids = np.array(passage.tokens.ids[:kept], dtype=np.int32)
    return [
        frame.enclose(ids[place : place + frame.room], truncated=kept < length and place == 0)
        for place in starts
    ]

"""A tiktoken encoding of a few hundred tokens, found by tiktoken as any of its plugins is.

The real ones are files of megabytes that tiktoken fetches from the network, and that tests must do
without. A file put into its cache in their place would not do: their hashes are fixed. Its ids are
no ids of the tiny models' tokenizer, so that reading them with the wrong one shows.
"""

from __future__ import annotations

from typing import Any

NAME = "litotes_tiny"
END_OF_TEXT = 400
_WORDS = ["the", " drug", " works", " work", " does", " not", " patient", " died", "no", "naïve"]


def _tiny() -> dict[str, Any]:
    pieces = [bytes([byte]) for byte in range(256)]
    for word in _WORDS:
        whole = word.encode()
        pieces += [whole[:length] for length in range(2, len(whole) + 1)]
    ranks = {piece: rank for rank, piece in enumerate(dict.fromkeys(pieces))}
    return {
        "name": NAME,
        "pat_str": r" ?\w+|[^\w\s]+|\s+",
        "mergeable_ranks": ranks,
        # With a gap below it, as real encodings have.
        "special_tokens": {"<|endoftext|>": END_OF_TEXT},
    }


ENCODING_CONSTRUCTORS = {NAME: _tiny}

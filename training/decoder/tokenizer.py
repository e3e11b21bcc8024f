"""A decoder's tokenizer made ready for whole texts: padded on the right, and with an end."""

from __future__ import annotations

from typing import Any

from tokenizers.processors import Sequence, TemplateProcessing

from training.decoder.config import DecoderConfig


def prepare(tokenizer: Any, config: DecoderConfig) -> None:
    """Make a decoder's tokenizer pad on the right and, for last-token pooling, end every text.

    The service pads on the right, and positions then are the same in a batch as alone.

    Args:
        tokenizer: A fast tokenizer of transformers; it is changed in place.
        config: Names the base in messages.

    Raises:
        ValueError: There is no padding token, or none that ends a text; the message names the key.
    """
    tokenizer.padding_side = "right"
    if config.pad_token is not None:
        if config.pad_token not in tokenizer.get_vocab():
            raise ValueError(f"decoder.pad_token: {config.base} has no token {config.pad_token!r}")
        tokenizer.pad_token = config.pad_token
    if tokenizer.pad_token is None:
        raise ValueError(
            f"decoder.pad_token: the tokenizer of {config.base} has no padding token: name one of"
            f" its tokens, such as {tokenizer.eos_token!r}"
        )
    if config.pooling == "lasttoken" and not ends_texts(tokenizer):
        end_texts(tokenizer, config.base)


def ends_texts(tokenizer: Any) -> bool:
    """Whether the tokenizer itself puts a special token behind every text."""
    return tokenizer("a")["input_ids"][-1] in tokenizer.all_special_ids


def end_texts(tokenizer: Any, base: str) -> None:
    """Have the tokenizer put its end-of-sequence token behind every text.

    Its vector is what last-token pooling takes, as in Wang et al. 2024 (arXiv 2401.00368); the last
    word's would depend on what that word is.

    Args:
        tokenizer: A fast tokenizer of transformers; it is changed in place.
        base: Names the decoder in messages.

    Raises:
        ValueError: It has no such token.
    """
    end = tokenizer.eos_token
    if end is None:
        raise ValueError(
            f"decoder.pooling: {base} has no end-of-sequence token for last-token pooling: use mean"
        )
    backend = tokenizer.backend_tokenizer
    template = TemplateProcessing(
        single=f"$A {end}",
        pair=f"$A {end} $B:1 {end}:1",
        special_tokens=[(end, tokenizer.eos_token_id)],
    )
    own = backend.post_processor
    backend.post_processor = template if own is None else Sequence([own, template])

"""A tiny decoder of random weights: `python -m training.decoder.tiny runs/tiny-decoder`.

For a try of the whole chain, from training to the service, in a minute and without a download. Its
vectors mean nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2Model

from training.quantization import calibration_texts
from training.run import run_parsed

END, PADDING = "<|endoftext|>", "<|padding|>"
VOCABULARY = 1000
POSITIONS = 512
TEXTS = 500


def write(folder: Path, texts: Sequence[str]) -> None:
    """Write a decoder of two layers and a tokenizer as transformers stores them.

    Args:
        folder: Where.
        texts: What the tokenizer learns its vocabulary from.
    """
    tokenizer = train_tokenizer(texts)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=POSITIONS,
        # Wider than is usual, so that random layers tell texts apart.
        initializer_range=0.2,
        eos_token_id=tokenizer.eos_token_id,
    )
    Qwen2Model(config).save_pretrained(folder)


def train_tokenizer(texts: Sequence[str]) -> PreTrainedTokenizerFast:
    """Learn a byte-level BPE vocabulary, as decoders have them."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END, PADDING],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=END, pad_token=PADDING, model_max_length=POSITIONS
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m training.decoder.tiny",
        description="Write a tiny decoder of random weights, to try the chain with.",
    )
    parser.add_argument("folder", type=Path, help="folder to write")
    run_parsed(
        "training.decoder.tiny", parser, lambda folder: write(folder, calibration_texts(TEXTS))
    )

"""The shape of an encoder that is a decoder language model with a LoRA adapter."""

from __future__ import annotations

from dataclasses import dataclass, field

POOLINGS = ("lasttoken", "mean")


@dataclass(frozen=True)
class DecoderConfig:
    """One vector a text, from a decoder whose weights stay and whose adapter learns.

    Where a two-part encoder has *g* and *p*, this one has the vector of the decoder without its
    adapter, from which is distilled, and the vector with it, which is all that the losses compare
    and all that is served.

    Args:
        base: Folder or hub id of the decoder.
        max_seq_length: Longest input in tokens, instruction and special tokens included.
        pooling: `lasttoken`, the vector of the token that ends a text, or `mean`.
        query_instruction: Put before every query, in training, on the dev rows and by the service
            for a request that asks for the prompt `query`; passages and statements go without.
        lora_rank: Rank of the adapter's matrices.
        lora_alpha: The adapter's product is scaled by `lora_alpha / lora_rank`.
        lora_targets: Last names of the linear layers that get an adapter.
        pad_token: A token of the vocabulary that fills up a batch, for a tokenizer without one.
    """

    base: str
    max_seq_length: int
    pooling: str = "lasttoken"
    query_instruction: str = ""
    lora_rank: int = 16
    lora_alpha: int = 32
    lora_targets: list[str] = field(
        default_factory=lambda: ["q_proj", "k_proj", "v_proj", "o_proj"]
    )
    pad_token: str | None = None

    @property
    def negation_weight(self) -> float:
        """What the trained vector counts in the similarity that the losses see: all of it."""
        return 1.0

    @property
    def distil_general(self) -> bool:
        """Whether the losses need a copy of the base: no, it is the decoder without its adapter."""
        return False

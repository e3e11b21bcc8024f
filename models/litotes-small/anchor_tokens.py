"""Anchor-token-aware pooling: a token weighs as much as the others attend to it.

Knows nothing of the rest of the project: the file is copied into model folders, beside
`two_part.py`.
"""

from __future__ import annotations

from torch import Tensor
from transformers.models.bert.modeling_bert import BertLayer


def received_attention(layer: BertLayer, hidden: Tensor, bias: Tensor, mask: Tensor) -> Tensor:
    """The attention that each token receives in a layer, (batch, tokens); none for padding.

    The weights of ATA (arXiv 2509.00842). Which layer, heads and normalisation the paper takes was
    not found; a reading of it: `a_j = sum_i m_i mean_h A[h, i, j]`, over the heads h and the tokens
    i that are not padding. The attention is computed anew from queries and keys, since the fused
    kernels that the layer itself uses do not give it away.

    Args:
        layer: The layer whose attention counts.
        hidden: What goes into it, (batch, tokens, hidden).
        bias: Added to its attention scores, (batch, 1, 1, tokens).
        mask: 1 for tokens, 0 for padding, (batch, tokens).
    """
    own = layer.attention.self
    batch, tokens, _ = hidden.shape
    heads = (batch, tokens, own.num_attention_heads, own.attention_head_size)
    query, key = (part(hidden).view(heads).transpose(1, 2) for part in (own.query, own.key))
    scores = query @ key.transpose(2, 3) / own.attention_head_size**0.5 + bias
    attention = scores.softmax(dim=-1).mean(dim=1)
    return (attention * mask[:, :, None]).sum(dim=1) * mask

"""Embedding the columns of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import pad

from training.losses.parts import Parts, joined, taken

# Texts whose lengths differ by no more than this factor share a forward pass, unless too few do.
LENGTH_RATIO = 1.25
FEWEST = 8


def embed_columns(
    model: nn.Module, columns: list[dict[str, Tensor]], teacher: nn.Module | None = None
) -> list[Parts]:
    """Embed every column, texts of like length in one forward pass whatever their column.

    Padding to the longest text of a column wastes half of the work on short texts beside passages.
    """
    width = max(column["input_ids"].shape[1] for column in columns)
    ids, mask = (
        torch.cat([pad(column[name], (0, width - column[name].shape[1])) for column in columns])
        for name in ("input_ids", "attention_mask")
    )
    lengths, order = mask.sum(dim=1).sort(stable=True)
    chunks = torch.split(order, alike(lengths.tolist()))
    parts = joined([embed(model, ids[chunk], mask[chunk], teacher) for chunk in chunks])
    rows = torch.split(order.argsort(), [len(column["input_ids"]) for column in columns])
    return [taken(parts, own) for own in rows]


def alike(lengths: Sequence[int]) -> list[int]:
    """Cut ascending lengths into runs of like length, and return the size of each run."""
    sizes: list[int] = []
    start = 0
    while start < len(lengths):
        limit = lengths[start] * LENGTH_RATIO
        within = sum(length <= limit for length in lengths[start:])
        sizes.append(min(max(within, FEWEST), len(lengths) - start))
        start += sizes[-1]
    return sizes


def embed(model: nn.Module, ids: Tensor, mask: Tensor, teacher: nn.Module | None = None) -> Parts:
    """Embed texts in one forward pass, padded to the longest of them."""
    width = int(mask.sum(dim=1).max())
    features = {"input_ids": ids[:, :width], "attention_mask": mask[:, :width]}
    with attention_kernel(ids.device):
        output = model(dict(features))
        if teacher is None:
            return Parts(output["general"], output["polarity"])
        with torch.no_grad():
            base = teacher(features)["general"]
    return Parts(output["general"], output["polarity"], base)


def attention_kernel(device: torch.device) -> AbstractContextManager[Any]:
    """Plain matrix products on a CPU: its fused attention goes backward at a third of the speed."""
    return sdpa_kernel(SDPBackend.MATH) if device.type == "cpu" else nullcontext()

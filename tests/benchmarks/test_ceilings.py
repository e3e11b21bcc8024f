"""Packing for the engine's ceiling."""

from __future__ import annotations

from benchmarks.ceilings import pack


def test_batches_hold_like_lengths_up_to_the_budget() -> None:
    lengths = [9, 2, 3, 2, 9, 40, 3]
    batches = pack(lengths, max_batch_tokens=12)
    assert sorted(index for batch in batches for index in batch) == list(range(7))
    for batch in batches:
        width = max(lengths[index] for index in batch)
        assert width * len(batch) <= 12 or len(batch) == 1
    assert batches[0] == [1, 3, 2, 6]

"""Batches of a run: rows in the order in which they were drawn, as many as their kind wants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sentence_transformers.base.sampler import DefaultBatchSampler


class OrderedBatchSampler(DefaultBatchSampler):
    """Cuts a data set into consecutive batches.

    The rows were shuffled when they were drawn (`training.rows`), with no two of one source near
    each other; shuffling again would bring them together.
    """

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the row numbers of each full batch."""
        for batch in range(len(self)):
            yield list(range(batch * self.batch_size, (batch + 1) * self.batch_size))

    def __len__(self) -> int:
        """The number of full batches."""
        return len(self.sampler) // self.batch_size


@dataclass(frozen=True)
class SizedBatches:
    """Makes the trainer's batch samplers when each kind of row has a batch size of its own.

    Args:
        sizes: Rows a batch, by the kind that a data set's description names; the trainer itself
            knows one size for all.
    """

    sizes: Mapping[str, int]

    def __call__(self, dataset: Any, **settings: Any) -> DefaultBatchSampler:
        """Make the sampler of one data set."""
        settings["batch_size"] = self.sizes[dataset.info.description]
        return OrderedBatchSampler(dataset, **settings)

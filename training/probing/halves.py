"""Two halves of the dev groups: what is fitted on one is measured on the other, and the reverse."""

from __future__ import annotations

from collections.abc import Iterator

from training import corpus

Groups = list[corpus.Group]


def crossed(groups: Groups) -> Iterator[tuple[Groups, Groups]]:
    """Yield what to fit on and what to measure on: every other group, and then the rest.

    Raises:
        ValueError: There are fewer than two groups.
    """
    if len(groups) < 2:
        raise ValueError(f"{corpus.DATA / 'sentence.dev.jsonl'}: two groups are needed to probe")
    even, odd = groups[::2], groups[1::2]
    yield even, odd
    yield odd, even

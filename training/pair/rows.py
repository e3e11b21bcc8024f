"""Labelled pairs for the discriminator: from the distilled groups, the passages and NLI sets.

A row's label is the set of relations that its source leaves possible (`training.pair.relations`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence, Sized
from dataclasses import dataclass
from itertools import islice
from typing import Literal, TypeVar

from training import corpus, public
from training.pair.relations import CONTRADICTION, EQUIVALENCE, HEDGE, NEUTRAL, POSSIBLE
from training.row import passes
from training.rows import EDIT_SETS, NLI_SETS, sentences

Part = Literal["all", "calibration", "report"]
Item = TypeVar("Item", bound=Sized)

# Batches that are sorted by length together: enough to fill one with passages.
POOLED_BATCHES = 50


@dataclass(frozen=True)
class Pair:
    """Two texts and the relations that may hold between them, as a bit mask."""

    a: str
    b: str
    label: int

    def __len__(self) -> int:
        """Characters of both texts."""
        return len(self.a) + len(self.b)


def draw(shares: dict[str, float], count: int, seed: int) -> list[Pair]:
    """Draw a run's pairs, mixed, in the given shares; sources that are not there are left out.

    Raises:
        KeyError: A share names no source.
    """
    pairs: list[Pair] = []
    for source, share in shares.items():
        rng = random.Random(f"{seed}/pair/{source}")
        drawn = islice(SOURCES[source](rng), round(count * share))
        pairs += [either_way(pair, rng) for pair in drawn]
    random.Random(seed).shuffle(pairs)
    return pairs


def batched_by_length(items: Sequence[Item], rows: int, seed: int) -> list[Item]:
    """Order items so that those of a batch are of like length, and the batches are mixed.

    One passage among sentences would pad them all to its length, at five times the cost.

    Args:
        items: Mixed pairs, or rankings; their length is that of their texts.
        rows: Items a batch.
        seed: Of the order of the batches.
    """
    rng = random.Random(seed)
    ordered: list[Item] = []
    pool = rows * POOLED_BATCHES
    for start in range(0, len(items), pool):
        chunk = sorted(items[start : start + pool], key=len)
        batches = [chunk[first : first + rows] for first in range(0, len(chunk), rows)]
        rng.shuffle(batches)
        # A short batch can only be the last one of all; elsewhere it would shift the others.
        batches.sort(key=len, reverse=True)
        ordered += [item for batch in batches for item in batch]
    return ordered


def either_way(pair: Pair, rng: random.Random) -> Pair:
    """Swap the texts half of the time: all four relations are symmetric."""
    return pair if rng.random() < 0.5 else Pair(pair.b, pair.a, pair.label)


def group_pairs(rng: random.Random) -> Iterator[Pair]:
    """Pairs of each relation from a distilled group; any equivalent text may be the anchor.

    Equivalence and contradiction twice as often as the others: to tell them apart is what is hard.
    """
    for group in passes(corpus.groups("train"), rng):
        first, second, third, *_ = rng.sample((group.anchor, *group.same), 3)
        denials = rng.sample(group.negated, 2)
        yield Pair(first, second, EQUIVALENCE)
        yield Pair(second, third, EQUIVALENCE)
        yield Pair(first, denials[0], CONTRADICTION)
        yield Pair(second, denials[1], CONTRADICTION)
        yield Pair(second, rng.choice(group.hedged), HEDGE)
        yield Pair(third, rng.choice(group.neutral), NEUTRAL)


def passage_pairs(rng: random.Random) -> Iterator[Pair]:
    """Passages alike but for a reversed clause, and passages unlike altogether."""
    rows = corpus.contrasts("train")
    for row in passes(rows, rng):
        yield Pair(row.doc_a, row.doc_b, CONTRADICTION)
        other = rng.choice(rows)
        if other is not row:
            yield Pair(row.doc_a, other.doc_a, NEUTRAL)


def stranger_pairs(rng: random.Random) -> Iterator[Pair]:
    """Texts of two groups: what has nothing to do with each other does not contradict."""
    groups = corpus.groups("train")
    for group in passes(groups, rng):
        other = rng.choice(groups)
        if other is not group:
            theirs = (other.anchor, *other.same, *other.negated, *other.hedged, *other.neutral)
            yield Pair(rng.choice((group.anchor, *group.same)), rng.choice(theirs), NEUTRAL)


def noise_pairs(rng: random.Random) -> Iterator[Pair]:
    """A text beside what says nothing: marks, numbers, letters, or words in no order."""
    groups = corpus.groups("train")
    words = [word for group in groups[::10] for word in group.anchor.split()]
    for group in passes(groups, rng):
        text = rng.choice((group.anchor, *group.same, noise(words, rng)))
        yield Pair(text, noise(words, rng), NEUTRAL)


def noise(words: Sequence[str], rng: random.Random) -> str:
    """Write what says nothing, of one to thirty parts."""
    count = rng.choice((1, 2, 3, 5, 10, 30))
    alphabets = (
        "!?.,;:-[]()#*",
        "0123456789",
        "abcdefghijklmnopqrstuvwxyz",
        "αβγδжшщыकखगあいう漢字文",
    )
    alphabet = rng.choice((*alphabets, None))
    if alphabet is None:
        return " ".join(rng.choices(words, k=count))
    return rng.choice(("", " ")).join(rng.choices(alphabet, k=count))


def repeated_pairs(rng: random.Random) -> Iterator[Pair]:
    """A text twice, from one word to a passage, at times in other letters or without its full stop.

    Relations are learnt from sentences; without these, one word and itself have none.
    """
    passages = corpus.contrasts("train")
    for group in passes(corpus.groups("train"), rng):
        words = group.anchor.rstrip(".").split()
        start, count = rng.randrange(len(words)), rng.choice((1, 1, 2, 3, 5))
        part = " ".join(words[start : start + count])
        text = rng.choice((part, part, group.anchor, rng.choice(passages).doc_a))
        yield Pair(text, rng.choice((text, text.lower(), text.rstrip("."))), EQUIVALENCE)


def embedded_pairs(rng: random.Random) -> Iterator[Pair]:
    """Group pairs within the same passage, so that all relations are learnt at its length."""
    passages = corpus.contrasts("train")
    for pair in group_pairs(rng):
        around = sentences(rng.choice(passages).doc_a)
        place = rng.randint(0, len(around))
        first, second = (
            " ".join((*around[:place], text, *around[place:])) for text in (pair.a, pair.b)
        )
        yield Pair(first, second, pair.label)


def labelled_pairs(names: Sequence[str]) -> Callable[[random.Random], Iterator[Pair]]:
    """Make a source from public sets, evenly over the sets of relations their labels allow."""

    def pairs(rng: random.Random) -> Iterator[Pair]:
        by_label: dict[int, list[Pair]] = {}
        for row in public.load_all(names):
            label = POSSIBLE[row["label"]]
            by_label.setdefault(label, []).append(Pair(row["a"], row["b"], label))
        for together in zip(*(passes(found, rng) for found in by_label.values()), strict=False):
            yield from together

    return pairs


SOURCES: dict[str, Callable[[random.Random], Iterator[Pair]]] = {
    "groups": group_pairs,
    "strangers": stranger_pairs,
    "noise": noise_pairs,
    "passages": passage_pairs,
    "embedded": embedded_pairs,
    "repeats": repeated_pairs,
    "inference": labelled_pairs(NLI_SETS),
    "cannot": labelled_pairs(("cannot/train",)),
    "edits": labelled_pairs(EDIT_SETS),
    "scope": labelled_pairs(("scone/train", "help/train", "megaveridicality/train")),
    "roles": labelled_pairs(("paws_wiki/train",)),
    "splits": labelled_pairs(("wikisplit/train",)),
}


def dev_pairs(part: Part = "all") -> list[tuple[str, str, int]]:
    """All pairs of an anchor and a text of its dev group, with the index of their relation.

    Args:
        part: Every second group is for calibration, the others are for the report.
    """
    groups = corpus.groups("dev")
    chosen = {"all": groups, "calibration": groups[::2], "report": groups[1::2]}[part]
    return [
        (group.anchor, text, relation)
        for group in chosen
        for relation, texts in enumerate((group.same, group.negated, group.hedged, group.neutral))
        for text in texts
    ]

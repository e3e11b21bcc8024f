"""Calls drawn from the bundled corpus with a seed: what applications send to an encoder."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import tokenizers

from benchmarks.calls import Call
from training import corpus

PASSAGE_TOKENS = (20, 400)
LIST_SIZES = (32, 512)
PASSAGES_TO_RANK = 50
# Passages are long-tailed: half of them have fewer tokens than this, one in twenty three times it.
_MEDIAN_TOKENS = 90
_SIGMA = 0.65
_CHARACTERS_PER_TOKEN = 7  # more than English has, so that a text is long enough to be cut
WORKLOADS = ("short", "ingestion", "mixed", "pairs", "rerank")


class Lengths:
    """Counts tokens as the model's tokenizer does, and cuts texts by them.

    Args:
        tokenizer: The model's `tokenizer.json`.
    """

    def __init__(self, tokenizer: Path) -> None:
        self._tokenizer = tokenizers.Tokenizer.from_file(str(tokenizer))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def count(self, texts: Sequence[str]) -> list[int]:
        """Return the tokens of each text, special tokens included."""
        return [len(encoding.ids) for encoding in self._tokenizer.encode_batch(list(texts))]

    def cut(self, text: str, tokens: int) -> str:
        """Return the text up to the end of its last whole word within so many tokens."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        room = tokens - self._tokenizer.num_special_tokens_to_add(False)
        if len(encoding.ids) <= room:
            return text
        words = encoding.word_ids
        while room > 1 and words[room] == words[room - 1]:
            room -= 1
        end: int = encoding.offsets[room - 1][1]
        return text[:end]


@dataclass(frozen=True)
class Material:
    """The corpus' texts by their use.

    Attributes:
        queries: What a user types.
        passages: What a search finds.
        pairs: A statement and another one about the same thing.
    """

    queries: tuple[str, ...]
    passages: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]


def read_material() -> Material:
    """Read the training rows."""
    contrasts = corpus.contrasts("train")
    exclusions = corpus.exclusions("train")
    groups = corpus.groups("train")
    return Material(
        queries=(
            *(query for row in contrasts for query in (row.query_a, row.query_b)),
            *(row.query for row in exclusions),
        ),
        passages=(
            *(passage for row in contrasts for passage in (row.doc_a, row.doc_b)),
            *(passage for row in exclusions for passage in (*row.relevant, *row.violating)),
        ),
        pairs=tuple(
            (group.anchor, other)
            for group in groups
            for other in (*group.same, *group.negated, *group.hedged, *group.neutral)
        ),
    )


class Drawing:
    """Draws calls; the same seed gives the same calls.

    Args:
        material: Where the texts come from.
        lengths: Counts their tokens.
        seed: Of the random choices.
    """

    def __init__(self, material: Material, lengths: Lengths, seed: int) -> None:
        self._material = material
        self._lengths = lengths
        self._seed = seed
        self._random = random.Random(seed)
        self._kinds: dict[str, Callable[[], Call]] = {
            "short": self._query,
            "ingestion": self._list,
            "mixed": self._any,
            "pairs": self._pairs,
            "rerank": self._ranking,
        }

    def calls(self, workload: str, tokens: int) -> list[Call]:
        """Draw calls of a workload until they hold so many tokens.

        They do not depend on what was drawn before.
        """
        self._random = random.Random(f"{self._seed} {workload}")
        return list(_until(self._kinds[workload], tokens))

    def passage(self, tokens: int) -> str:
        """Join passages into one of about so many tokens, and never more."""
        parts = [self._random.choice(self._material.passages)]
        while sum(map(len, parts)) < _CHARACTERS_PER_TOKEN * tokens:
            parts.append(self._random.choice(self._material.passages))
        return self._lengths.cut(" ".join(parts), tokens)

    def passages(self, count: int) -> list[str]:
        """Draw passages of long-tailed lengths."""
        return [self.passage(self._passage_length()) for _ in range(count)]

    def embedding(self, texts: Sequence[str]) -> Call:
        """Make the call that embeds these texts."""
        return Call("embed", tuple(texts), sum(self._lengths.count(texts)))

    def _passage_length(self) -> int:
        least, most = PASSAGE_TOKENS
        return min(most, max(least, round(_MEDIAN_TOKENS * self._random.lognormvariate(0, _SIGMA))))

    def _list_size(self) -> int:
        """Short lists are as frequent as long ones on a scale of doublings."""
        least, most = LIST_SIZES
        size: int = round(least * (most / least) ** self._random.random())
        return size

    def _query(self) -> Call:
        return self.embedding([self._random.choice(self._material.queries)])

    def _list(self) -> Call:
        return self.embedding(self.passages(self._list_size()))

    def _any(self) -> Call:
        """Mostly queries, some batches of an eager client, and now and then an ingestion."""
        draw = self._random.random()
        if draw < 0.8:
            return self._query()
        if draw < 0.97:
            return self.embedding(self.passages(self._random.randint(2, 16)))
        return self.embedding(self.passages(LIST_SIZES[0]))

    def _pairs(self) -> Call:
        count = self._random.randint(1, 8)
        texts = [text for pair in self._random.sample(self._material.pairs, count) for text in pair]
        return Call("pairs", tuple(texts), sum(self._lengths.count(texts)))

    def _ranking(self) -> Call:
        query = self._random.choice(self._material.queries)
        texts = [query, *self._random.sample(self._material.passages, PASSAGES_TO_RANK)]
        return Call("rerank", tuple(texts), sum(self._lengths.count(texts)))


def _until(draw: Callable[[], Call], tokens: int) -> Iterator[Call]:
    drawn = 0
    while drawn < tokens:
        call = draw()
        drawn += call.tokens
        yield call

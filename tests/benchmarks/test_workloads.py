"""Drawing calls from texts."""

from __future__ import annotations

from statistics import mean, median

import pytest
from material import MATERIAL

from benchmarks.workloads import (
    LIST_SIZES,
    PASSAGE_TOKENS,
    PASSAGES_TO_RANK,
    WORKLOADS,
    Drawing,
    Lengths,
    read_material,
)


@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_seed_gives_the_same_calls_whatever_was_drawn_before(
    workload: str, drawing: Drawing, lengths: Lengths
) -> None:
    drawing.calls("short", 100)
    calls = drawing.calls(workload, 3000)
    assert calls == Drawing(MATERIAL, lengths, seed=1).calls(workload, 3000)
    assert calls != Drawing(MATERIAL, lengths, seed=2).calls(workload, 3000)
    assert sum(call.tokens for call in calls) >= 3000


def test_ingestion_sends_long_tailed_passages_in_lists_of_all_sizes(
    drawing: Drawing, lengths: Lengths
) -> None:
    calls = drawing.calls("ingestion", 60_000)
    counts = lengths.count([text for call in calls for text in call.texts])
    least, most = PASSAGE_TOKENS
    assert least - 8 <= min(counts)  # a word that is cut ends a passage early
    assert max(counts) <= most
    assert mean(counts) > 1.1 * median(counts)
    assert all(LIST_SIZES[0] <= call.items <= LIST_SIZES[1] for call in calls)


def test_tokens_are_counted_as_the_model_counts_them(drawing: Drawing, lengths: Lengths) -> None:
    (call, *_) = drawing.calls("mixed", 1000)
    assert call.tokens == sum(lengths.count(call.texts))


def test_a_text_is_cut_after_a_whole_word(lengths: Lengths) -> None:
    text = "the drugs works in the hotels"  # seven words, ten tokens without special ones
    for tokens in range(4, 14):
        cut = lengths.cut(text, tokens)
        assert text.startswith(cut)
        assert cut == text or text[len(cut)] == " "
        assert lengths.count([cut])[0] <= tokens
    assert lengths.cut(text, 13) == text


def test_pairs_and_rankings_have_their_parts(drawing: Drawing) -> None:
    pairs = drawing.calls("pairs", 100)[0]
    assert pairs.items == len(pairs.texts) // 2
    assert (pairs.texts[0], pairs.texts[1]) in MATERIAL.pairs
    ranking = drawing.calls("rerank", 100)[0]
    assert ranking.items == PASSAGES_TO_RANK
    assert ranking.texts[0] in MATERIAL.queries


def test_the_bundled_corpus_has_material_for_all_workloads() -> None:
    material = read_material()
    assert min(len(material.queries), len(material.passages), len(material.pairs)) > 1000

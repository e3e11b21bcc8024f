"""Texts that share words: what comes beside a seed, and what does not count."""

from __future__ import annotations

from training.neighbours import BLOCK, neighbours

# Three texts on each of 120 topics, alike in a word that no other text has.
TOPICS = [f"topic{number:03}" for number in range(120)]
TEXTS = [
    f"the {topic} {rest}" for topic in TOPICS for rest in ("leaks", "is late", "runs at night")
]


def topic(text: str) -> str:
    return text.split()[1]


def test_a_seed_comes_with_the_texts_that_share_its_rare_words() -> None:
    seeds = [0, 100, 359]
    for seed, found in zip(seeds, neighbours(TEXTS, seeds, 3), strict=True):
        assert found[0] == TEXTS[seed]
        assert len(set(found)) == 3
        assert {topic(text) for text in found} == {topic(TEXTS[seed])}


def test_a_cluster_has_as_many_texts_as_were_asked_for() -> None:
    # More than there are texts on a topic: the rest is whatever is nearest.
    (found,) = neighbours(TEXTS, [7], 6)
    assert len(set(found)) == 6
    assert found[0] == TEXTS[7]
    assert sum(topic(text) == topic(TEXTS[7]) for text in found) == 3


def test_every_seed_has_its_cluster_in_order_however_many_there_are() -> None:
    seeds = [(7 * number) % len(TEXTS) for number in range(2 * BLOCK + 3)]
    together = list(neighbours(TEXTS, seeds, 3))
    assert [found[0] for found in together] == [TEXTS[seed] for seed in seeds]
    for place in (0, BLOCK - 1, BLOCK, 2 * BLOCK + 2):
        (single,) = neighbours(TEXTS, [seeds[place]], 3)
        assert set(together[place]) == set(single)


def test_a_text_of_common_words_alone_still_comes_first() -> None:
    texts = [*TEXTS, "leaks runs late"]
    (found,) = neighbours(texts, [len(texts) - 1], 3)
    assert found[0] == "leaks runs late"
    assert len(set(found)) == 3


def test_words_of_many_texts_bring_none_together() -> None:
    # All share four words with the seed, and only one of them, a long one, its rare word.
    texts = [f"door valve lamp pump number{number:03}" for number in range(60)]
    texts.append(" ".join(("number017", *(f"word{number:03}" for number in range(30)))))
    (found,) = neighbours(texts, [17], 2)
    assert found == [texts[17], texts[60]]


def test_no_seeds_give_no_clusters() -> None:
    assert list(neighbours(TEXTS, [], 3)) == []

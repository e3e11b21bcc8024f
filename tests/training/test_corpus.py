"""The bundled corpus: what the rows rely on, and that dev stays unseen."""

from __future__ import annotations

from itertools import chain

import pytest

from training import corpus
from training.corpus import Group, Split


def texts_of(group: Group) -> set[str]:
    return {group.anchor, *group.same, *group.negated, *group.hedged, *group.neutral}


@pytest.mark.parametrize("split", ["train", "dev"])
def test_a_group_has_enough_texts_and_none_in_two_relations(split: Split) -> None:
    for group in corpus.groups(split):
        assert len(group.same) >= 2
        assert len(group.negated) >= 3
        assert group.hedged
        assert group.neutral
        sides = [(group.anchor,), group.same, group.negated, group.hedged, group.neutral]
        assert len(texts_of(group)) == sum(map(len, sides))


@pytest.mark.parametrize("split", ["train", "dev"])
def test_a_contrast_has_two_queries_and_two_passages(split: Split) -> None:
    for row in corpus.contrasts(split):
        assert len({row.query_a, row.query_b, row.doc_a, row.doc_b}) == 4


def test_twin_queries_are_two_and_none_is_asked_on_dev() -> None:
    twins = corpus.twins()
    assert all(row.query_a.lower() != row.query_b.lower() for row in twins)
    asked = {row.query for row in corpus.exclusions("dev")}
    asked |= {query for row in corpus.contrasts("dev") for query in (row.query_a, row.query_b)}
    assert not asked & {query for row in twins for query in (row.query_a, row.query_b)}


def test_twin_queries_say_whether_they_exclude_or_reverse() -> None:
    excludes = {row.query_a: row.excludes for row in corpus.twins()}
    assert excludes["curry pastes that leave out shrimp"]
    assert not excludes["does an epidural make a caesarean more likely"]


@pytest.mark.parametrize("split", ["train", "dev"])
def test_an_exclusion_has_two_passages_of_each_side(split: Split) -> None:
    for row in corpus.exclusions(split):
        assert len(row.relevant) >= 2
        assert len(row.violating) >= 2
        assert not set(row.relevant) & set(row.violating)


def test_no_text_of_the_dev_split_is_in_the_train_split() -> None:
    def all_texts(split: Split) -> set[str]:
        return {
            *chain.from_iterable(texts_of(group) for group in corpus.groups(split)),
            *chain.from_iterable(
                (row.query_a, row.query_b, row.doc_a, row.doc_b) for row in corpus.contrasts(split)
            ),
            *chain.from_iterable(
                (row.query, *row.relevant, *row.violating) for row in corpus.exclusions(split)
            ),
        }

    assert not all_texts("train") & all_texts("dev")

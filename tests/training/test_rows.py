"""The rows of a run: what stands in one, and in which order they come."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from training import corpus, public, rows
from training.losses.kinds import LOSSES
from training.rows import KINDS, Row

OF_GROUPS = ("groups", "counterfactuals", "surface", "substitutions")
BUNDLED = (
    *OF_GROUPS,
    "contrasts",
    "exclusions",
    "topic-exclusions",
    "inclusions",
    "keywords",
    "twins",
    "sentences",
)
PUBLIC = tuple(kind for kind in KINDS if kind not in BUNDLED)
POLAR = ("polarity", "inference", "edits")


def texts(row: Row, name: str) -> list[str]:
    """The texts of the columns name, name_1, name_2 and so on."""
    return [str(text) for column, text in row.items() if column.partition("_")[0] == name]


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_decides_the_rows(kind: str) -> None:
    drawn = rows.draw(kind, 40, seed=1)
    assert len(drawn) == 40
    assert drawn == rows.draw(kind, 40, seed=1)
    assert drawn != rows.draw(kind, 40, seed=2)


@pytest.mark.parametrize("kind", KINDS)
def test_a_longer_run_begins_with_the_rows_of_a_shorter_one(kind: str) -> None:
    assert rows.draw(kind, 40, seed=1)[:25] == rows.draw(kind, 25, seed=1)


@pytest.mark.parametrize("kind", KINDS)
def test_all_rows_of_a_kind_have_the_same_columns_and_no_empty_one(kind: str) -> None:
    drawn = rows.draw(kind, 40, seed=1)
    assert len({tuple(row) for row in drawn}) == 1
    assert all(value != "" for row in drawn for value in row.values())


def test_every_kind_has_a_loss() -> None:
    assert set(KINDS) == set(LOSSES)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(KeyError, match="grups"):
        rows.draw("grups", 1, seed=0)


def test_a_group_row_holds_the_relations_of_its_group() -> None:
    groups = corpus.groups("train")
    classes = [{group.anchor, *group.same} for group in groups]
    drawn = rows.draw("groups", 500, seed=5)
    for row in drawn:
        same = {*texts(row, "anchor"), *texts(row, "positive")}
        (group,) = (groups[i] for i, members in enumerate(classes) if same <= members)
        assert set(texts(row, "negated")) <= set(group.negated)
        assert row["hedged"] in group.hedged
        assert row["neutral"] in group.neutral


def test_any_member_of_an_equivalence_class_may_be_the_anchor() -> None:
    anchors = {group.anchor for group in corpus.groups("train")}
    drawn = Counter(row["anchor"] in anchors for row in rows.draw("groups", 500, seed=5))
    assert min(drawn[True], drawn[False]) > 50


def test_no_text_is_both_positive_and_negated_in_a_row() -> None:
    for row in rows.draw("groups", 2000, seed=5):
        members = list(row.values())
        assert len(members) == 8
        assert len(set(members)) == 8


def group_of_rows() -> Callable[[Row], object]:
    classes = {
        text: number
        for number, group in enumerate(corpus.groups("train"))
        for text in (group.anchor, *group.same)
    }
    return lambda row: classes[str(row["anchor"])]


@pytest.mark.parametrize(
    ("kind", "size", "source"),
    [
        ("groups", len(corpus.groups("train")), group_of_rows()),
        ("contrasts", len(corpus.contrasts("train")), lambda row: row["query_a"]),
        ("exclusions", len(corpus.exclusions("train")), lambda row: row["query"]),
        ("topic-exclusions", len(corpus.exclusions("train")), lambda row: row["query"]),
    ],
)
def test_no_source_comes_twice_before_all_have_come(
    kind: str, size: int, source: Callable[[Row], object]
) -> None:
    drawn = [source(row) for row in rows.draw(kind, 2 * size, seed=3)]
    assert len(set(drawn[:size])) == size
    assert len(set(drawn[size:])) == size
    assert drawn[:size] != drawn[size:], "each pass has an order of its own"


def test_contrast_rows_keep_each_query_with_its_own_passage_whole_or_cut() -> None:
    known = {row.query_a: row for row in corpus.contrasts("train")}
    whole = 0
    for row in rows.draw("contrasts", 400, seed=3):
        source = known[str(row["query_a"])]
        assert row["query_b"] == source.query_b
        assert str(row["doc_a"]) in source.doc_a
        assert str(row["doc_b"]) in source.doc_b
        assert row["doc_a"] != row["doc_b"], "the clause that differs is kept"
        whole += row["doc_a"] == source.doc_a
    assert 100 < whole < 300


def test_a_contrast_can_be_cut_to_what_differs_and_what_stands_next_to_it() -> None:
    numbers = [f"Sentence {number}." for number in range(9)]
    first, second = (
        " ".join((*numbers[:5], clause, *numbers[5:])) for clause in ("It leaks.", "It is dry.")
    )
    row = corpus.Contrast("wet", "dry", first, second)
    seen = set()
    for seed in range(40):
        doc_a, doc_b = rows.passages_of(row, random.Random(seed), cropped=1.0, around=1)
        assert doc_a.replace("It leaks.", "It is dry.") == doc_b
        seen.add(doc_a)
    before, after = ("", "Sentence 4. "), ("", " Sentence 5.")
    assert seen == {f"{one}It leaks.{other}" for one in before for other in after}
    assert rows.passages_of(row, random.Random(0), cropped=0.0) == (first, second)


def test_exclusion_rows_keep_what_respects_the_query_apart_from_what_does_not() -> None:
    known = {row.query: row for row in corpus.exclusions("train")}
    for row in rows.draw("exclusions", 100, seed=3):
        source = known[str(row["query"])]
        assert set(texts(row, "relevant")) <= set(source.relevant)
        assert set(texts(row, "violating")) <= set(source.violating)
        assert len({*texts(row, "relevant"), *texts(row, "violating")}) == 4


@pytest.mark.parametrize(
    ("kind", "queries"),
    [
        ("contrasts", [row.query_a for row in corpus.contrasts("train")]),
        ("exclusions", [row.query for row in corpus.exclusions("train")]),
        ("topic-exclusions", [row.query for row in corpus.exclusions("train")]),
    ],
)
def test_the_latest_rows_of_the_corpus_can_be_drawn_alone(kind: str, queries: list[str]) -> None:
    drawn = rows.draw(kind, 6, seed=1, latest=3)
    column = "query_a" if kind == "contrasts" else "query"
    assert sorted(str(row[column]) for row in drawn) == sorted(queries[-3:] * 2)


def test_the_latest_groups_can_be_drawn_alone() -> None:
    latest = corpus.groups("train")[-3:]
    classes = [{group.anchor, *group.same} for group in latest]
    drawn = rows.draw("groups", 6, seed=1, latest=3)
    found = [number for row in drawn for number in range(3) if row["anchor"] in classes[number]]
    assert sorted(found) == [0, 0, 1, 1, 2, 2]


def test_inclusion_rows_want_what_the_exclusion_does_not() -> None:
    known = {row.inclusion: row for row in corpus.exclusions("train")}
    for row in rows.draw("inclusions", 100, seed=3):
        source = known[str(row["query"])]
        assert set(texts(row, "relevant")) <= set(source.violating)
        assert set(texts(row, "violating")) <= set(source.relevant)


@pytest.mark.parametrize("kind", POLAR)
def test_polar_pairs_agree_and_disagree_evenly_in_every_batch(kind: str) -> None:
    labels = [row["label"] for row in rows.draw(kind, 60, seed=3)]
    assert all({first, second} == {0.0, 1.0} for first, second in pairwise(labels))


def test_polar_pairs_come_in_either_order() -> None:
    drawn = {(row["a"], row["b"]) for row in rows.draw("polarity", 60, seed=3)}
    assert any((second, first) in drawn for first, second in drawn)


def test_what_neither_agrees_nor_disagrees_makes_no_polar_pair() -> None:
    pairs = rows.draw("inference", 60, seed=3)
    # Our neutral rows repeat the entailments, so a neutral one would break the balance of a text.
    assert Counter(row["label"] for row in pairs) == {0.0: 30, 1.0: 30}
    assert all(("closed" in f"{row['a']} {row['b']}") for row in pairs)


def test_graded_rows_carry_the_human_score() -> None:
    drawn = rows.draw("graded", 6, seed=3)
    assert sorted(float(row["label"]) for row in drawn) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]


def test_question_rows_carry_the_passage_that_answers() -> None:
    for row in rows.draw("questions", 6, seed=3):
        subject = str(row["query"]).split()[2].rstrip("?")
        assert row["passage"] == f"The {subject} runs at night and never leaks."


def test_triplet_rows_carry_what_follows_and_what_contradicts() -> None:
    drawn = rows.draw("triplets", 6, seed=3)
    assert len({row["anchor"] for row in drawn}) == 6
    for row in drawn:
        subject = str(row["anchor"]).split()[1]
        assert row["positive"] == f"The {subject} is not closed."
        assert row["negative"] == f"The {subject} is closed."


def test_general_rows_put_related_texts_beside_each_other() -> None:
    for row in rows.draw("general", 200, seed=3):
        assert len(row) == len(set(row.values())) == rows.RELATED
        if number := re.search("[0-9]+", str(row["text_1"])):
            # The claim and both views of it.
            assert sum(number[0] in str(text) for text in row.values()) == 3


def test_general_rows_begin_at_texts_of_every_set_alike() -> None:
    # Four of the sets are here: premises, claims, views, passages.
    drawn = rows.draw("general", 4 * rows.SEEDS, seed=3)
    marks = (" is open.", "The lamp [0-9]", "lamp [0-9]+\\.", "never leaks")
    sources = [next(m for m in marks if re.search(m, str(row["text_1"]))) for row in drawn]
    assert Counter(sources) == dict.fromkeys(marks, rows.SEEDS)


def test_general_rows_hold_no_text_of_the_dev_set_that_is_to_tell_what_they_keep() -> None:
    dev = {pair[side] for pair in public.load("perspectrum/dev_claim_stance") for side in "ab"}
    train = {pair[side] for pair in public.load("perspectrum/train_claim_stance") for side in "ab"}
    assert dev & train
    drawn = rows.draw("general", 4 * rows.SEEDS, seed=3)
    assert not dev & {text for row in drawn for text in row.values()}


def test_general_rows_have_no_end() -> None:
    count = 4 * rows.SEEDS + 10
    assert len(rows.draw("general", count, seed=3)) == count


@pytest.mark.usefixtures("no_public_data")
@pytest.mark.parametrize("kind", PUBLIC)
def test_a_kind_without_a_source_gives_no_rows(kind: str) -> None:
    assert rows.draw(kind, 10, seed=1) == []


@pytest.mark.usefixtures("no_public_data")
@pytest.mark.parametrize("kind", BUNDLED)
def test_the_distilled_kinds_need_no_public_data(kind: str) -> None:
    assert len(rows.draw(kind, 10, seed=1)) == 10


def test_a_source_that_only_agrees_gives_no_polar_pairs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cannot").mkdir()
    with gzip.open(tmp_path / "cannot/train.jsonl.gz", "wt") as lines:
        lines.write(json.dumps({"a": "The lamp is on.", "b": "The lamp is lit.", "label": "same"}))
    monkeypatch.setenv("LITOTES_DATA", str(tmp_path))
    assert rows.draw("polarity", 10, seed=1) == []

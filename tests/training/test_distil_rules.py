"""The rules for rows: each one finds its fault, and the bundled corpus keeps to all of them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from chat_server import exclusion, graded, negatives, retrieval, sentence, twins

from training.corpus import DATA, read_jsonl
from training.distil.rules import Seen, broken
from training.distil.schemas import KINDS, Row

GOOD: dict[str, dict[str, Any]] = {
    "sentence": sentence(1),
    "retrieval": retrieval(1),
    "exclusion": exclusion(1),
    "twins": twins(1),
    "graded": graded(1),
    "negatives": negatives("an inn by the sea"),
}
PASSAGE = "A second boat came in at dusk and nobody on the pier knew whose it was or " * 3


def faults(kind: str, **changes: object) -> list[tuple[str, str]]:
    """The rules that a good row breaks once it is changed."""
    return list(broken(KINDS[kind].row.model_validate({**GOOD[kind], **changes})))


def item(text: str, pattern: str = "verbal") -> dict[str, str]:
    return {"text": text, "pattern": pattern}


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_row_breaks_none(kind: str) -> None:
    assert faults(kind) == []


@pytest.mark.parametrize(
    ("kind", "changes", "rule", "how"),
    [
        ("sentence", {"anchor": "Open."}, "length", "anchor has 1 words, not 2 to 50"),
        ("sentence", {"neutral": [" "]}, "length", "neutral.1 has 0 words"),
        (
            "sentence",
            {"neutral": ["pump 1 is OPEN in winter"]},
            "duplicate",
            "neutral.1 is anchor again",
        ),
        (
            "sentence",
            {"neutral": ["Negated: it is red."]},
            "leak",
            "neutral.1 names its label: 'Negated:'",
        ),
        ("sentence", {"neutral": ["1) Neutral: it is red."]}, "leak", "names its label"),
        ("sentence", {"neutral": ["It is red (neutral)."]}, "leak", "names its label: '(neutral)'"),
        ("sentence", {"neutral": ["It is in [city name] now."]}, "leak", "a place that was not"),
        ("retrieval", {"query_a": "pumps in $domain that leak"}, "leak", "'$domain'"),
        ("retrieval", {"doc_b": PASSAGE}, "unlike", "of their words in order"),
        ("twins", {"query_a": "no kettles"}, "length", "query_a has 2 words, not 3 to 30"),
        (
            "twins",
            {"query_a": "Kettles of series 1 that need descaling?"},
            "duplicate",
            "query_b is query_a again",
        ),
        ("twins", {"query_b": "Query B: kettles to descale"}, "leak", "'Query B:'"),
        ("graded", {"easy": {"text": "A bus is late.", "similarity": 0.8}}, "similarity", "easy"),
        (
            "exclusion",
            {"query": "no cell is needed"},
            "echo",
            "a passage starts with the query itself",
        ),
    ],
)
def test_each_rule_finds_its_fault(kind: str, changes: dict[str, Any], rule: str, how: str) -> None:
    assert [name for name, told in faults(kind, **changes) if how in told] == [rule]


@pytest.mark.parametrize(
    ("same", "negated", "how"),
    [
        ("It runs with the lid {}.", "Pump 1 is {} in winter.", "every negated text"),
        ("Pump 1 is {} in winter.", "It runs with the lid {}.", "every same text"),
    ],
)
def test_overlap_alone_must_not_tell_same_from_negated(same: str, negated: str, how: str) -> None:
    words = ("up", "wide", "off", "loose")
    found = faults(
        "sentence",
        same=[item(same.format(word), "paraphrase") for word in words],
        negated=[item(negated.format(word)) for word in words],
    )
    assert [rule for rule, told in found if told.startswith(how)] == ["overlap"]


def test_stated_similarities_fall_from_hard_to_easy() -> None:
    level = {"text": "A ferry that carries forty cars.", "similarity": 0.7}
    medium = [level, {**level, "text": "A ferry of oak and iron."}]
    (fault,) = faults("graded", hard={**GOOD["graded"]["hard"], "similarity": 0.7}, medium=medium)
    assert fault == ("similarity", "the stated similarities do not fall from hard to easy")


def test_a_row_repeats_texts_of_its_own_kind_alone() -> None:
    seen = Seen({"sentence": ["PUMP 1 is open, in winter"], "graded": []})
    row = KINDS["sentence"].row.model_validate(sentence(1))
    assert seen.repeat("sentence", row) == "anchor is that of an earlier row"
    assert seen.repeat("graded", row) is None
    other = KINDS["sentence"].row.model_validate(sentence(2))
    assert seen.repeat("sentence", other) is None
    seen.add("sentence", other)
    assert seen.repeat("sentence", other) == "anchor is that of an earlier row"


@pytest.mark.parametrize(
    ("kind", "split", "broken_rules"),
    [
        ("sentence", "dev", {}),
        ("retrieval", "dev", {}),
        ("exclusion", "dev", {}),
        ("twins", "train", {}),
    ],
)
def test_the_bundled_rows_keep_to_the_rules(
    kind: str, split: str, broken_rules: dict[str, int]
) -> None:
    schema: type[Row] = KINDS[kind].row
    found: Counter[str] = Counter()
    for content in read_jsonl(DATA / f"{kind}.{split}.jsonl"):
        row = {name: content[name] for name in schema.model_fields if name in content}
        if kind == "exclusion":
            row.setdefault("inclusion", "what the query leaves out")
        found.update(rule for rule, _ in broken(schema.model_validate(row)))
    assert found == broken_rules

"""What is made of replies and of a ledger, whatever is in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from chat_server import completion, negatives, sentence

from training.distil.factory import reap
from training.distil.harvest import Harvest, sort_out
from training.distil.ledger import Entry, Ledger
from training.distil.plan import Query
from training.distil.reply import Usage, usage_of
from training.distil.rules import Rejection, Seen
from training.distil.schemas import Row

EXPECTED = Usage(50, 1000)


def entry(content: str, *, kind: str = "sentence", rows: int = 2, finish: str = "stop") -> Entry:
    return Entry(
        call="c1",
        model="writer",
        kind=kind,
        rows=rows,
        asked={"domain": "pumps"},
        queries=(Query("An inn by the sea", "It stands on the beach."),),
        expected=EXPECTED,
        retries=0,
        body=completion(content, finish),
    )


def outcomes(reply: Entry) -> list[str]:
    """What came of a reply: "row", or the rule that it broke."""
    found = sort_out(reply, Seen({}))
    return ["row" if isinstance(item, Row) else item.rule for item in found]


def rows(*contents: object) -> str:
    return json.dumps({"rows": contents})


def test_a_bad_row_does_not_cost_the_good_ones() -> None:
    bad = {**sentence(2), "negated": sentence(2)["negated"][:1]}
    assert outcomes(entry(rows(bad, sentence(1)))) == ["schema", "row"]


def test_a_field_too_many_is_refused() -> None:
    assert outcomes(entry(rows({**sentence(2), "note": "hard"}), rows=1)) == ["schema"]


def test_a_pattern_that_is_none_is_named() -> None:
    content = sentence(1)
    content["hedged"] = [{"text": "Pump 1 may be open.", "pattern": "perhaps"}]
    (rejection,) = sort_out(entry(rows(content), rows=1), Seen({}))
    assert isinstance(rejection, Rejection)
    assert rejection.reason.startswith("hedged.0.pattern: Input should be 'modal'")
    assert rejection.what == content


def test_a_row_that_was_there_before_is_refused() -> None:
    assert outcomes(entry(rows(sentence(1), sentence(1)))) == ["row", "repeat"]


def test_fewer_rows_than_asked_for_are_told() -> None:
    assert outcomes(entry(rows(sentence(1)), rows=3)) == ["missing", "row"]


@pytest.mark.parametrize(("finish", "rule"), [("length", "cut"), ("stop", "json")])
def test_rows_before_a_cut_are_kept(finish: str, rule: str) -> None:
    text = rows(sentence(1), sentence(2), sentence(3))
    cut = text[: text.index("Pump 3 was")]
    assert outcomes(entry(cut, rows=3, finish=finish)) == [rule, "row", "row"]


def test_a_refusal_is_kept_in_its_own_words() -> None:
    body = json.dumps({"choices": [{"message": {"content": None, "refusal": "I will not."}}]})
    reply = Entry(**{**vars(entry("")), "body": body})
    (rejection,) = sort_out(reply, Seen({}))
    assert rejection == Rejection("refusal", "I will not.", body)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, "row"),
        ({"query": "an inn BY the sea"}, "row"),
        ({"query": "A mill by the sea"}, "query"),
        ({"negatives": [*negatives("x")["negatives"][:3], "It stands on the beach. " * 4]}, "row"),
    ],
)
def test_negatives_are_those_of_a_query_that_was_given(change: dict[str, Any], found: str) -> None:
    content = negatives("An inn by the sea") | change
    assert outcomes(entry(rows(content), kind="negatives", rows=1)) == [found]


def test_the_right_passage_is_no_negative() -> None:
    content = negatives("An inn by the sea")
    positive = content["negatives"][0].upper()
    query = Query("An inn by the sea", positive)
    reply = Entry(**{**vars(entry(rows(content), kind="negatives", rows=1)), "queries": (query,)})
    assert outcomes(reply) == ["query"]


def test_half_a_character_is_written_as_json_escapes_it(tmp_path: Path) -> None:
    with Harvest(tmp_path, tmp_path) as harvest:
        assert harvest.take(entry('{"rows": [{"anchor": "\\ud83d"}]}', rows=1)) == 0
    (line,) = (tmp_path / "rejected.jsonl").read_text().splitlines()
    assert json.loads(line)["what"] == {"anchor": "\ud83d"}


def test_rows_of_the_corpus_are_not_written_again(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    row = {"id": "sent-1", "kind": "sentence", "domain": "x", **sentence(1)}
    (corpus / "sentence.dev.jsonl").write_text(json.dumps(row) + "\n")
    with Harvest(tmp_path / "run", corpus) as harvest:
        assert harvest.take(entry(rows(sentence(1), sentence(2)))) == 1
        assert harvest.yields["sentence"].rejected == {"repeat": 1}
    (corpus / "sentence.dev.jsonl").write_text("{\n")
    with pytest.raises(ValueError, match=r"sentence\.dev\.jsonl: a line is no JSON"):
        Harvest(tmp_path / "run", corpus)


def test_a_line_that_a_kill_cut_off_is_kept_apart(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    with Ledger(path) as ledger:
        ledger.append(entry(rows(sentence(1), sentence(2))))
    path.write_text(path.read_text() + '{"call": "c2", "mod')
    for _ in range(2):
        with Ledger(path) as ledger, Harvest(tmp_path, tmp_path) as harvest:
            assert reap(ledger, harvest) == {"c1"}
            assert harvest.yields["sentence"].rows == 2
        (line,) = (tmp_path / "rejected.jsonl").read_text().splitlines()
        assert json.loads(line)["reason"].startswith("line 2 of the ledger: ")
    with Ledger(path) as ledger:
        ledger.append(Entry(**{**vars(entry(rows(sentence(3)))), "call": "c2"}))
        calls = [item.call for item in ledger if isinstance(item, Entry)]
    assert calls == ["c1", "c2"]


def test_a_reply_that_counts_no_tokens_is_reckoned_by_its_length() -> None:
    assert usage_of(completion("x", "stop"), EXPECTED) == Usage(100, 200)
    assert usage_of("x" * 30, EXPECTED) == Usage(50, 11)
    assert usage_of("x" * 30000, EXPECTED) == EXPECTED

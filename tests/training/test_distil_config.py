"""Distillation files and prompt files: what is wrong is named in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import last_line
from distillations import KEY, VARIABLE, write

from training import distil
from training.distil.config import PROMPTS, read_distillation
from training.distil.plan import plan
from training.distil.prompt import read_prompt
from training.distil.schemas import KINDS

EXPERIMENT = Path(distil.__file__).parents[1] / "experiments/distil.toml"
SCRIPT = Path(distil.__file__).parent / "__main__.py"
PROMPT = "# System\n\nWrite $rows rows.\n\n# User\n\n$domain $register $pattern $seed\n"
QUERIES = (
    "[kinds.sentence]\ncalls = 3\nrows = 2\n",
    "[kinds.negatives]\ncalls = 2\nrows = 2\n"
    'queries = {{ file = "queries.jsonl", query = "{}" }}\n',
)


def refusal(monkeypatch: pytest.MonkeyPatch, path: Path) -> str:
    """The one line with which the command ends."""
    line = last_line(monkeypatch, SCRIPT, str(path))
    assert line.startswith("training.distil: ")
    return line


def test_the_bundled_distillation_asks_for_every_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    config = read_distillation(EXPERIMENT)
    calls = plan(config)
    assert {call.kind for call in calls} == set(KINDS) == set(config.kinds)
    assert {path.stem for path in PROMPTS.glob("*.md")} == set(KINDS)
    assert len({call.id for call in calls}) == len(calls) == 240
    # The kinds take turns, so that a budget cuts all of them alike.
    assert {call.kind for call in calls[:6]} == set(KINDS)
    assert all(list(call.asked) for call in calls if call.kind != "negatives")
    assert plan(config) == calls


def test_a_longer_plan_begins_as_the_shorter_one(tmp_path: Path) -> None:
    short = plan(read_distillation(write(tmp_path)))
    long = plan(read_distillation(write(tmp_path, "http://x/v1", ("calls = 3", "calls = 7"))))
    assert long[:3] == short


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[kinds.sentence]", "[kinds.sentnce]", "kinds: unknown kind sentnce; there are sentence,"),
        ("[kinds.sentence]\ncalls = 3\nrows = 2", "[kinds]", "kinds names none"),
        ("calls = 3", 'calls = "3"', "kinds.sentence: calls: Input should be a valid integer"),
        ("calls = 3", "calls = 0", "kinds.sentence: calls: Input should be greater than 0"),
        ("calls = 3", "cals = 3", "kinds.sentence: unknown key(s) cals"),
        ("calls = 3\n", "", "kinds.sentence: calls: Field required"),
        ("retries = 2", "retires = 2", "endpoint: unknown key(s) retires"),
        ("retries = 2", 'structured = "xml"', "endpoint: structured: Input should be 'json_sch"),
        ("http://", "", "endpoint: base_url: String should match pattern"),
        ("tokens = 1_000_000", "", "budget sets neither usd nor tokens"),
        ("tokens = 1_000_000", "usd = 1.0", "budget.usd needs endpoint.usd_per_million_in and"),
        ("[budget]\ntokens = 1_000_000", "", "budget: Field required"),
        ('domain = ["pumps", "lamps", "boats"]', "domain = []", "fields.domain: List should have"),
        ('seed = ["a key", "a bell", "a well"]', "", "sentence.md: nothing fills $seed"),
        ("rows = 2", 'rows = 2\nprompt = "none.md"', "none.md"),
        ("rows = 2", 'rows = 2\nqueries = { file = "a", query = "b" }', "sentence: takes no quer"),
        ("[kinds.sentence]", "[kinds.negatives]", "kinds.negatives: needs queries"),
        ("seed = 3", "seed = ", "Invalid value"),
        ('name = "small"', 'name = "../small"', "name: String should match pattern"),
        ("LITOTES_TEST_KEY", "LITOTES_NO_KEY", "variable LITOTES_NO_KEY does not hold a key"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(
    old: str, new: str, message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(VARIABLE, KEY)
    path = write(tmp_path, "http://127.0.0.1:9/v1", (old, new))
    assert message in refusal(monkeypatch, path)


def test_an_endpoint_of_ones_own_needs_no_key(tmp_path: Path) -> None:
    path = write(tmp_path, "http://x/v1", ('"LITOTES_TEST_KEY"', '""'))
    assert read_distillation(path).endpoint.key() == "unused"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("$domain ", "", "prompt.md: has no place for $domain"),
        ("$rows", "two", "prompt.md: has no place for $rows"),
        ("$seed", "$seed $town", "prompt.md: nothing fills $town; fields has no such list"),
        ("Write", "For $5 write", "prompt.md: has a '$' that starts no place"),
        ("# User\n", "", "prompt.md: has no '# System' part followed by a '# User' part"),
    ],
)
def test_a_prompt_file_that_lacks_something_is_named(
    old: str, new: str, message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(VARIABLE, KEY)
    assert old in PROMPT
    (tmp_path / "prompt.md").write_text(PROMPT.replace(old, new))
    change = ("rows = 2", 'rows = 2\nprompt = "prompt.md"')
    assert message in refusal(monkeypatch, write(tmp_path, "http://127.0.0.1:9/v1", change))


def test_a_prompt_is_filled_and_a_doubled_sign_is_one(tmp_path: Path) -> None:
    path = tmp_path / "prompt.md"
    path.write_text("# System\n\nFor $$5: $domain\n\n# User\n\n${rows} rows\n")
    messages = read_prompt(path, ("rows",), ("rows", "domain")).fill({"rows": "2", "domain": "x"})
    assert messages == [
        {"role": "system", "content": "For $5: x"},
        {"role": "user", "content": "2 rows"},
    ]


@pytest.mark.parametrize(
    ("query", "last", "message"),
    [
        ("ask", '{"ask": "d"', "queries.jsonl: line 4 is no JSON"),
        ("ask", '{"asked": "d"}', "queries.jsonl: line 4 has no text in ask"),
        ("ask", '{"ask": 4}', "queries.jsonl: line 4 has no text in ask"),
        ("ask", '{"ask": "a"}', "queries.jsonl has 3 queries, too few for 2 calls of 2"),
    ],
)
def test_queries_that_cannot_be_used_are_named(
    query: str, last: str, message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    good = [json.dumps({"ask": text}) for text in "abc"]
    (tmp_path / "queries.jsonl").write_text("\n".join([*good, last]) + "\n")
    change = (QUERIES[0], QUERIES[1].format(query))
    assert message in refusal(monkeypatch, write(tmp_path, "http://127.0.0.1:9/v1", change))

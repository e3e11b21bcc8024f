"""A chat endpoint as a judge, against a real server: answers, faults, budget and resumption."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from chat_server import GOOD, ChatServer, Fault
from commands import last_line
from distillations import KEY, VARIABLE
from judgements import judge, lines, row, write_chat, write_rows
from program import program

from training import judge as package
from training.distil.endpoint import Stop
from training.judge.chat import order, read_chat
from training.judge.rows import read_rows

SCRIPT = Path(package.__file__).parent / "__main__.py"
EXPERIMENT = SCRIPT.parents[1] / "experiments/judge.toml"


def reply(*rows: object) -> Fault:
    return Fault(content=json.dumps({"rows": rows}))


def said(number: int, **shares: float) -> dict[str, float]:
    rest = dict.fromkeys(("equivalence", "contradiction", "hedge", "neutral"), 0.0)
    return {"number": number, **rest, **shares}


def test_a_group_is_judged_in_one_call_that_does_not_tell_the_labels(
    server: ChatServer, tmp_path: Path
) -> None:
    path = write_rows(tmp_path, "sentence")
    figures = judge(tmp_path, path, chat=write_chat(tmp_path, server.url))
    assert len(server.requests) == figures["judged"] == 2
    (first, _), group = server.prompts(), row("sentence", 0)
    assert f"Anchor: {group['anchor']}" in first
    assert not any(word in first for word in ("negated", "verbal", "neutral"))
    (question, _) = read_rows([path]).questions
    shown = [line.partition(". ")[2] for line in first.splitlines() if line[:1].isdigit()]
    assert shown == [question.candidates[place].text for place in order(question)]
    # The judge calls what has a "not" a contradiction, wherever it was shown.
    found = lines(tmp_path)
    choices = [
        "contradiction" if " not " in pair[1] else "equivalence" for pair in question.pairs()
    ]
    assert [line["choice"] for line in found[: len(choices)]] == choices
    assert found[0]["probabilities"]["equivalence"] == pytest.approx(0.75 / 1.05, abs=1e-5)
    schema = server.requests[0]["response_format"]["json_schema"]
    assert schema["name"] == "relation"
    assert "contradiction" in json.dumps(schema["schema"])


def test_passages_are_judged_by_query(server: ChatServer, tmp_path: Path) -> None:
    files = [write_rows(tmp_path, kind, 1) for kind in ("retrieval", "exclusion")]
    figures = judge(tmp_path, *files, chat=write_chat(tmp_path, server.url))
    assert len(server.requests) == 3
    found = {(line["field"], line["index"]): line for line in lines(tmp_path)}
    # The judge wants what has a "no": right for query_b alone.
    assert found["query_b/doc_b", 0]["agrees"]
    assert not found["query_a/doc_a", 0]["agrees"]
    assert found["query_b/doc_b", 0]["margin"] > 3
    (wrong,) = [entry for entry in lines(tmp_path, "disagreements.jsonl") if "retr" in entry["id"]]
    assert wrong["relevant"]["field"] == "query_a/doc_a"
    assert wrong["sureness"] > 0.9
    assert figures["agreement"]["retrieval"]["relevant"]["all"]["agreement"] == 0.5


def test_nothing_is_paid_twice(server: ChatServer, tmp_path: Path) -> None:
    server.faults = [GOOD, Fault(hang=True)]
    path, chat = write_rows(tmp_path, "sentence", 3), write_chat(tmp_path, server.url)
    arguments = ("--chat", str(chat), "--name", "small", "--runs", str(tmp_path / "runs"))
    script = ("-m", "training.judge", str(path), *arguments)
    with program(environment={VARIABLE: KEY}, script=script) as process:
        assert server.hanging.wait(300), process.communicate()
        process.kill()
        process.wait(30)
    assert judge(tmp_path, path, chat=chat)["judged"] == 3
    prompts = server.prompts()
    assert len(prompts) == 4
    assert prompts[1] == prompts[2], "only the call that had no reply is made again"
    before = lines(tmp_path)
    assert judge(tmp_path, path, chat=chat)["judged"] == 3
    assert lines(tmp_path) == before
    assert len(server.requests) == 4
    endpoint = json.loads((tmp_path / "runs/judge/small/endpoint.json").read_text())
    assert endpoint["total"]["tokens"] == {"read": 300, "written": 600}


@pytest.mark.parametrize(
    ("fault", "rule", "reason"),
    [
        (reply(said(1, hedge=1.0)), "numbers", "judges 1 of 9 texts"),
        (reply(*[said(1, hedge=1.0)] * 9), "numbers", "judges 1, 1, 1"),
        (reply(*[said(n, hedge=0.4) for n in range(1, 10)]), "probabilities", "text 1 add up to 0"),
        (reply(said(1, hedge=1.2)), "schema", "hedge: Input should be less than or equal to 1"),
        (reply({"number": 1}), "schema", "equivalence: Field required"),
        (Fault(content='{"rows": [{"num', finish="length"), "cut", "cut off"),
        (Fault(content="They look fine."), "json", "no JSON object"),
        (Fault(400, '{"error": {"message": "no"}}'), "no reply", "status 400"),
    ],
)
def test_a_reply_without_an_answer_is_kept_with_its_reason_and_asked_again_on_demand(
    fault: Fault, rule: str, reason: str, server: ChatServer, tmp_path: Path
) -> None:
    server.faults = [fault]
    path, chat = write_rows(tmp_path, "sentence"), write_chat(tmp_path, server.url)
    assert judge(tmp_path, path, chat=chat)["judged"] == 1
    (rejected,) = lines(tmp_path, "rejected.jsonl")
    assert rejected["rule"] == rule
    assert reason in rejected["reason"]
    paid = rule != "no reply"
    assert judge(tmp_path, path, chat=chat)["judged"] == (1 if paid else 2)
    assert judge(tmp_path, path, chat=chat, again=True)["judged"] == 2
    assert len(server.requests) == 3


def test_a_budget_stops_the_run_and_what_was_judged_is_kept(
    server: ChatServer, tmp_path: Path
) -> None:
    path = write_rows(tmp_path, "sentence", 3)
    low = write_chat(tmp_path, server.url, ("tokens = 1_000_000", "tokens = 2300"))
    with pytest.raises(Stop, match=r"^the budget is reached: \d+ of 2300 tokens"):
        judge(tmp_path, path, chat=low)
    assert 1 <= len({line["id"] for line in lines(tmp_path)}) < 3
    assert judge(tmp_path, path, chat=write_chat(tmp_path, server.url))["judged"] == 3
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("retries = 2", "retires = 2"), "judge.toml: endpoint: unknown key(s) retires"),
        (("tokens = 1_000_000", ""), "budget sets neither usd nor tokens"),
        (("[budget]", '[prompts]\nmood = "x"\n[budget]'), "prompts: unknown name(s) mood"),
        (("[budget]", "[prompts]\nrelation = 3\n[budget]"), "prompts.relation is no file name"),
        (
            ("[budget]", '[prompts]\nrelation = "own.md"\n[budget]'),
            "own.md: has no place for $candi",
        ),
        (("LITOTES_TEST_KEY", "LITOTES_NO_KEY"), "variable LITOTES_NO_KEY does not hold a key"),
    ],
)
def test_what_is_wrong_ends_the_command_with_one_line(
    change: tuple[str, str],
    message: str,
    server: ChatServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "own.md").write_text("# System\n\nJudge.\n\n# User\n\n$text\n")
    chat = write_chat(tmp_path, server.url, change)
    path = write_rows(tmp_path, "sentence")
    arguments = [str(path), "--chat", str(chat), "--runs", str(tmp_path / "runs")]
    line = last_line(monkeypatch, SCRIPT, *arguments)
    assert line.startswith("training.judge: ")
    assert message in line
    assert not server.requests


def test_the_bundled_settings_are_good() -> None:
    config = read_chat(EXPERIMENT)
    assert config.budget.usd == 2.0
    assert all(prompt.exists() for prompt in config.prompts.values())

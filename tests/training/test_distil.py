"""Distillation against a real server: what comes of it, faults, budget, kill and resumption."""

from __future__ import annotations

import json
import os
import runpy
import signal
import sys
import threading
from pathlib import Path

import pytest
from chat_server import GOOD, ChatServer, Fault, sentence
from distillations import KEY, VARIABLE, lines, run, write
from program import program

from training import distil
from training.distil.config import read_distillation
from training.distil.endpoint import Stop
from training.distil.harvest import Harvest
from training.distil.schemas import KINDS

SCRIPT = Path(distil.__file__).parent / "__main__.py"
ALL_KINDS = (
    "[kinds.sentence]\ncalls = 3\nrows = 2\n",
    "".join(
        f"[kinds.{kind}]\ncalls = 2\nrows = 2\n"
        for kind in ("sentence", "retrieval", "exclusion", "twins", "graded")
    )
    + 'fields.task = ["a question"]\n'
    + "[kinds.negatives]\ncalls = 2\nrows = 2\n"
    + 'queries = { file = "queries.jsonl", query = "ask", positive = "passage" }\n',
)


def test_every_kind_of_row_comes_with_where_it_is_from(server: ChatServer, tmp_path: Path) -> None:
    asked = [{"ask": f"inn {number} with a view", "passage": "It has."} for number in range(4)]
    (tmp_path / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))

    figures = run(tmp_path, server.url, ALL_KINDS)

    made = {kind: found["rows"] for kind, found in figures["kinds"].items()}
    assert made == dict.fromkeys(KINDS, 4)
    assert figures["total"]["tokens"] == {"read": 1200, "written": 2400}
    first = lines(tmp_path, "rows/sentence.jsonl")[0]
    assert first["id"].startswith("sent-")
    assert first["domain"] in ("pumps", "lamps", "boats")
    assert {name: first[name] for name in sentence(0)} == sentence(0)
    assert first["source"]["model"] == "writer"
    assert set(first["source"]["asked"]) == {"domain", "register", "pattern", "seed"}
    pair = lines(tmp_path, "rows/twins.jsonl")[0]
    assert list(pair)[:6] == ["id", "kind", "domain", "query_a", "query_b", "pattern"]
    assert (pair["id"][:5], pair["kind"], pair["pattern"]) == ("twin-", "twins", "exclusion")
    row = lines(tmp_path, "rows/negatives.jsonl")[0]
    assert row["positive"] == "It has."
    assert "It has." not in "".join(server.prompts()), "from the query alone"
    assert lines(tmp_path, "rejected.jsonl") == []


def test_the_endpoint_is_told_model_schema_limit_and_key(
    server: ChatServer, tmp_path: Path
) -> None:
    run(
        tmp_path,
        server.url,
        ("max_tokens = 1000", "max_tokens = 1000\ntemperature = 0.5\nextra = { top_p = 0.9 }"),
    )
    request = server.requests[0]
    assert (request["model"], request["max_tokens"]) == ("writer", 1000)
    assert (request["temperature"], request["top_p"]) == (0.5, 0.9)
    schema = request["response_format"]["json_schema"]
    assert schema["strict"] is True
    assert schema["schema"]["additionalProperties"] is False
    assert set(server.keys) == {f"Bearer {KEY}"}


def test_the_domains_take_turns(server: ChatServer, tmp_path: Path) -> None:
    run(tmp_path, server.url)
    domains = [row["domain"] for row in lines(tmp_path, "rows/sentence.jsonl")]
    assert sorted(domains) == ["boats"] * 2 + ["lamps"] * 2 + ["pumps"] * 2


def test_calls_are_made_at_the_same_time(server: ChatServer, tmp_path: Path) -> None:
    together = threading.Barrier(3)
    server.faults = [Fault(before=lambda: together.wait(30))] * 3
    figures = run(tmp_path, server.url, ("concurrency = 1", "concurrency = 3"))
    assert figures["total"]["rows"] == 6


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ("tokens = 3000", r"the budget is reached: \d+ of 3000 tokens spent"),
        ("usd = 0.03", r"the budget is reached: 0\.\d{4} of 0\.03 US dollars spent"),
    ],
)
def test_a_budget_stops_the_run_and_a_higher_one_goes_on(
    budget: str, message: str, server: ChatServer, tmp_path: Path
) -> None:
    prices = "max_tokens = 1000\nusd_per_million_in = 10.0\nusd_per_million_out = 10.0"
    changes = (("calls = 3", "calls = 9"), ("max_tokens = 1000", prices))
    concurrent = ("concurrency = 1", "concurrency = 4")
    with pytest.raises(Stop, match=f"^{message}"):
        run(tmp_path, server.url, *changes, ("tokens = 1_000_000", budget), concurrent)
    figures = json.loads((tmp_path / "runs/small/distil.json").read_text())
    made = figures["kinds"]["sentence"]["replies"]
    assert 1 <= made < 9
    assert sum(figures["total"]["tokens"].values()) == 300 * made <= 3000
    assert figures["total"]["usd"] == pytest.approx(0.003 * made)

    figures = run(tmp_path, server.url, *changes)
    assert figures["kinds"]["sentence"]["replies"] == 9
    calls = {entry["call"] for entry in lines(tmp_path, "replies.jsonl")}
    assert len(server.requests) == len(calls) == 9


def test_a_killed_run_goes_on_without_paying_twice(server: ChatServer, tmp_path: Path) -> None:
    server.faults = [GOOD, GOOD, Fault(hang=True)]
    path = write(tmp_path, server.url, ("calls = 3", "calls = 4"))
    script = ("-m", "training.distil", str(path))
    with program(environment={VARIABLE: KEY}, script=script) as process:
        # The program helper keeps settings of ours out of the environment, but for those named.
        assert server.hanging.wait(60), process.communicate()
        process.kill()
        process.wait(30)
    assert len(server.requests) == 3

    figures = run(tmp_path, server.url, ("calls = 3", "calls = 4"))
    assert figures["kinds"]["sentence"]["rows"] == 8
    prompts = server.prompts()
    assert len(prompts) == 5
    assert prompts[2] == prompts[3], "only the call that had no reply is made again"


def test_a_reply_is_written_down_before_it_is_looked_at(
    server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(Harvest, "take", fail)
        with pytest.raises(Stop, match="no space left"):
            run(tmp_path, server.url)
    assert len(lines(tmp_path, "replies.jsonl")) == len(server.requests) == 1
    assert run(tmp_path, server.url)["total"]["rows"] == 6
    assert len(server.requests) == 3


def test_an_interrupted_run_awaits_what_is_under_way(server: ChatServer, tmp_path: Path) -> None:
    server.faults = [GOOD, Fault(before=lambda: os.kill(os.getpid(), signal.SIGINT))]
    with pytest.raises(Stop, match=r"^interrupted: run it again to go on"):
        run(tmp_path, server.url, ("calls = 3", "calls = 9"))
    assert len(lines(tmp_path, "replies.jsonl")) == len(server.requests) == 2
    assert len(lines(tmp_path, "rows/sentence.jsonl")) == 4


def test_more_calls_add_to_a_run_and_other_limits_leave_it(
    server: ChatServer, tmp_path: Path
) -> None:
    run(tmp_path, server.url)
    run(tmp_path, server.url, ("max_tokens = 1000", "max_tokens = 2000"))
    assert len(server.requests) == 3
    figures = run(tmp_path, server.url, ("calls = 3", "calls = 5"))
    assert len(server.requests) == 5
    assert figures["total"]["rows"] == 10


def test_one_process_at_a_time_pays(server: ChatServer, tmp_path: Path) -> None:
    errors: list[str] = []

    def second() -> None:
        with pytest.raises(ValueError, match="is in use") as error:
            run(tmp_path, server.url)
        errors.append(str(error.value))

    server.faults = [Fault(before=second)]
    run(tmp_path, server.url)
    assert len(errors) == 1
    assert len(server.requests) == 3


def test_progress_tells_rows_rejections_and_cost(
    server: ChatServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, server.url)
    told = capsys.readouterr().err
    assert "3/3" in told
    assert "rejected=0, rows=6, usd=0.000" in told or "rows=6, rejected=0, usd=0.000" in told


@pytest.mark.parametrize("structured", ["json_object", "none"])
def test_an_endpoint_without_schemas_is_asked_in_its_own_way(
    structured: str, server: ChatServer, tmp_path: Path
) -> None:
    content = json.dumps({"rows": [sentence(1), sentence(2)]})
    server.faults = [Fault(content=f"<think>{{hm}}</think>Here:\n```json\n{content}\n```")]
    change = ("retries = 2", f'structured = "{structured}"')
    figures = run(tmp_path, server.url, change, ("calls = 3", "calls = 1"))
    assert figures["total"]["rows"] == 2
    told = server.requests[0].get("response_format")
    assert told == (None if structured == "none" else {"type": "json_object"})


def test_the_command_prints_what_came_of_it(
    server: ChatServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), str(write(tmp_path, server.url))])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    told = capsys.readouterr().out
    assert "sentence          6 rows       0 rejected" in told
    kept = json.loads((tmp_path / "runs/small/config.json").read_text())
    assert kept["endpoint"]["model"] == "writer"
    assert read_distillation(tmp_path / "small.toml").folder == tmp_path / "runs/small"

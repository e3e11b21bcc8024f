"""Faults of an endpoint: what is tried again, what is kept with its reason, what ends a run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from chat_server import GOOD, SOON, ChatServer, Fault
from commands import last_line
from distillations import KEY, VARIABLE, lines, run, write

from training import distil
from training.distil.endpoint import Stop

SCRIPT = Path(distil.__file__).parent / "__main__.py"


def command(monkeypatch: pytest.MonkeyPatch, path: Path) -> str:
    """Run the stage as its command line does; the line with which it ends."""
    return last_line(monkeypatch, SCRIPT, str(path))


@pytest.mark.parametrize(
    "fault",
    [
        Fault(429, "{}", headers=SOON),
        Fault(500, "oops", headers=SOON),
        Fault(503, "<html>busy</html>", headers={"Content-Type": "text/html", **SOON}),
        Fault(short=True),
    ],
    ids=["429", "500", "503 as HTML", "a body that breaks off"],
)
def test_what_may_go_better_is_tried_again(
    fault: Fault, server: ChatServer, tmp_path: Path
) -> None:
    server.faults = [fault, GOOD]
    figures = run(tmp_path, server.url)
    assert figures["kinds"]["sentence"]["rows"] == 6
    assert figures["kinds"]["sentence"]["retries"] == 1
    assert len(server.requests) == 4


def test_retry_after_is_waited_for(server: ChatServer, tmp_path: Path) -> None:
    server.faults = [Fault(429, "{}", headers={"Retry-After": "1"})]
    run(tmp_path, server.url, ("calls = 3", "calls = 1"))
    assert server.times[1] - server.times[0] >= 1


def test_a_call_without_a_reply_is_told_and_made_at_the_next_start(
    server: ChatServer, tmp_path: Path
) -> None:
    server.faults = [Fault(hang=True)]
    changes = (("timeout = 20.0", "timeout = 0.2"), ("retries = 2", "retries = 0"))
    figures = run(tmp_path, server.url, *changes)
    assert figures["kinds"]["sentence"]["rejected"] == {"no reply": 1}
    (rejected,) = lines(tmp_path, "rejected.jsonl")
    assert rejected["reason"] == "no reply within 0.2 s, in 1 tries"
    figures = run(tmp_path, server.url)
    assert figures["kinds"]["sentence"]["rows"] == 6
    assert lines(tmp_path, "rejected.jsonl") == []
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("fault", "rule", "reason"),
    [
        (Fault(content='{"rows": [{"anch', finish="length"), "cut", "cut off"),
        (Fault(content="I would rather not."), "json", "no JSON object"),
        (Fault(content='{"rows": 3}'), "schema", "no list of rows"),
        (Fault(content='{"rows": [{"anchor": "x"}]}'), "schema", "same: Field required"),
        (Fault(body='{"detail": "hm"}'), "protocol", "choices: Field required"),
        (Fault(body='{"choices": [{'), "protocol", "Invalid JSON"),
        (Fault(400, '{"error": {"message": "no\\nschemas"}}'), "no reply", "400: no schemas"),
    ],
    ids=["cut off", "prose", "no rows", "a slot missing", "no chat", "half a body", "400"],
)
def test_a_reply_that_is_no_good_is_kept_with_its_reason(
    fault: Fault, rule: str, reason: str, server: ChatServer, tmp_path: Path
) -> None:
    server.faults = [fault]
    figures = run(tmp_path, server.url)
    assert figures["kinds"]["sentence"]["rows"] == 4
    found = [item for item in lines(tmp_path, "rejected.jsonl") if item["rule"] == rule]
    assert reason in found[0]["reason"]
    assert found[0]["kind"] == "sentence"


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            Fault(401, json.dumps({"error": {"message": f"Wrong key: {KEY}"}})),
            rf"the key in {VARIABLE} is refused \(401\): Wrong key: \*\*\*$",
        ),
        (Fault(404, '{"error": {"message": "no writer"}}'), r"model writer: .*\(404\): no writer$"),
        (
            Fault(404, "<html>\n</html>", headers={"Content-Type": "text/html"}),
            r"\(404\): an HTML page: is it the API's address",
        ),
        (Fault(body="<!doctype html>"), r"/v1 answers HTML: is it the API's address"),
    ],
    ids=["a wrong key", "no such model", "no such path", "HTML"],
)
def test_what_no_call_can_mend_ends_the_run_with_one_line(
    fault: Fault,
    message: str,
    server: ChatServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server.faults = [fault]
    line = command(monkeypatch, write(tmp_path, server.url))
    assert re.search(message, line)
    assert line.startswith("training.distil: http://127.0.0.1")
    assert len(server.requests) == 1


def test_no_server_ends_the_run_with_one_line(
    server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, "http://127.0.0.1:9/v1", ("retries = 2", "retries = 0"))
    line = command(monkeypatch, path)
    assert line.startswith("training.distil: http://127.0.0.1:9/v1: no connection: ")


def test_call_after_call_without_a_row_ends_the_run(server: ChatServer, tmp_path: Path) -> None:
    server.faults = [GOOD, *[Fault(content="Sorry.")] * 9]
    changes = (("calls = 3", "calls = 9"), ("retries = 2", "give_up_after = 4"))
    with pytest.raises(Stop, match=r"^4 calls in a row brought no row; the last: see rejected"):
        run(tmp_path, server.url, *changes)
    assert len(server.requests) == 5


def test_the_key_is_written_and_logged_nowhere(
    server: ChatServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server.faults = [
        Fault(content=f"Your key is {KEY}."),
        Fault(400, json.dumps({"error": {"message": KEY}})),
    ]
    with caplog.at_level("DEBUG"):
        run(tmp_path, server.url)
    written = [path.read_text() for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    said = capsys.readouterr()
    assert not [text for text in (*written, caplog.text, said.out, said.err) if KEY in text]
    assert any("***" in text for text in written)

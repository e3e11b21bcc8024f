"""The form of the log's lines, and which request they are about."""

from __future__ import annotations

import json
import logging
import sys

import httpx
import pytest
from serving import serving

from service.caller import Caller, set_caller
from service.logs import JsonFormatter
from service.settings import Settings


def record(message: str, **more: object) -> logging.LogRecord:
    made = logging.LogRecord("service.test", logging.WARNING, "", 0, message, (), None)
    made.__dict__.update(more)
    return made


def test_a_line_is_one_json_object_with_its_fields() -> None:
    line = JsonFormatter().format(record('a "quoted"\nword', fields={"status": 200}))
    assert "\n" not in line
    read = json.loads(line)
    assert read.pop("time").endswith("+00:00")
    assert read == {
        "level": "warning",
        "logger": "service.test",
        "message": 'a "quoted"\nword',
        "status": 200,
    }


def test_a_line_within_a_request_has_its_id() -> None:
    set_caller(Caller("127.0.0.1", "id-1"))
    try:
        assert json.loads(JsonFormatter().format(record("m")))["request_id"] == "id-1"
    finally:
        set_caller(Caller())


def test_a_fault_is_logged_with_its_traceback() -> None:
    try:
        raise ValueError("deep inside")
    except ValueError:
        fault = record("failed", exc_info=sys.exc_info())
    assert "deep inside" in json.loads(JsonFormatter().format(fault))["error"]


def test_each_response_has_a_line_where_the_operator_wants_them(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "Bearer never-to-be-logged"
    talkative = settings.model_copy(update={"access_log": True, "pair_model": None})
    with serving(talkative) as url, caplog.at_level(logging.INFO, "service.access"):
        headers = {"x-request-id": "mine-7", "authorization": secret}
        answer = httpx.post(f"{url}/embed", json={"inputs": "no"}, headers=headers)
    assert answer.headers["x-request-id"] == "mine-7"
    (line,) = [each for each in caplog.records if each.name == "service.access"]
    assert line.fields["status"] == 200
    assert (line.fields["method"], line.fields["route"]) == ("POST", "/embed")
    assert line.fields["ms"] > 0
    assert secret not in str(line.__dict__)

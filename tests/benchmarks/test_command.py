"""The whole command against the tiny model: real servers, a real generator, real files."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.calls import Rendered
from benchmarks.connection import Address
from benchmarks.load import Stream, run_stream
from benchmarks.server import ServerFailed, free_port, litotes
from benchmarks.targets import Folders, built_in, parse_target
from benchmarks.usage import process_tree, read_usage


def test_a_comparison_measures_servers_and_ceilings(
    encoder_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--target", "litotes", "--target", "echo", "--scenario", "mixed"]
    arguments += ["--seconds", "0.3", "--repeats", "1", "--model", str(encoder_folder)]
    assert main([*arguments, "--output", str(tmp_path)]) == 0
    result = json.loads((tmp_path / "comparison.json").read_text())
    assert result["failures"] == {}
    ours = result["figures"]["mixed"]["litotes"]
    assert ours["errors"] == 0
    assert ours["tokens_per_s"] > 0
    assert 0 <= ours["padding_ratio"] < 1
    assert ours["cpu_s_per_1000_texts"] > 0
    assert result["figures"]["mixed"]["engine alone"]["tokens_per_s"] > 0
    assert result["figures"]["mixed"]["echo"]["errors"] == 0
    assert result["servers"]["litotes"]["least_cosine"] > 0.9999
    assert "<svg" in (tmp_path / "comparison.svg").read_text()
    assert "## mixed" in capsys.readouterr().out


def test_a_rate_is_kept_and_refusals_are_counted(encoder_folder: Path, tmp_path: Path) -> None:
    good = Rendered("/embed", '{"inputs": ["no pool"]}', 1, 4, "tei")
    bad = Rendered("/embed", '{"inputs": [""]}', 1, 2, "tei")
    stream = Stream("queries", [good, bad], 0.5, "open", rate=40)
    with litotes(encoder_folder, log=tmp_path / "log") as server:
        assert server.pid is not None
        seen = asyncio.run(run_stream(stream, Address.parse(server.url)))
        usage = read_usage(server.pid)
    assert (seen.items, seen.errors) == (10, {"400": 10})
    assert seen.seconds >= 19 / 40
    assert usage.cpu_seconds > 0
    assert usage.peak_mb >= usage.resident_mb > 10
    assert process_tree(os.getpid())[0] == os.getpid()


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    target = built_in(Folders(missing, missing, missing))["litotes-released"]
    with (
        pytest.raises(ServerFailed, match="is not a folder"),
        target.running(tmp_path, free_port()),
    ):
        pass


def test_targets_are_named_or_reached_by_a_url() -> None:
    with pytest.raises(ValueError, match="no target"):
        parse_target("nothing", {})
    assert parse_target("tei=tei:http://127.0.0.1:3000/", {}).url == "http://127.0.0.1:3000"

"""Verdicts on figures, and their tables."""

from __future__ import annotations

from benchmarks.comparison import Comparison
from benchmarks.goals import Goal, judge
from benchmarks.report import comparison_json, render_comparison, render_figures, render_table


def result() -> Comparison:
    rates = {"litotes": 900.0, "engine alone": 1000.0, "plain": 100.0, "infinity-torch": 300.0}
    return Comparison(
        figures={
            "ingestion": {name: {"tokens_per_s": rate} for name, rate in rates.items()},
            "lone": {"litotes": {"p50_ms": 5.0}, "lone alone": {"p50_ms": 4.5}},
        },
        servers={"infinity-torch": {"least_cosine": 0.9995}, "litotes": {"startup_s": 4.0}},
        failures={"infinity-optimum": "ended with status 1"},
    )


def test_goals_are_ratios_of_one_run() -> None:
    goals = {goal.name.partition(",")[0]: goal for goal in reversed(judge(result()))}
    assert goals["ingestion"].value == 0.9
    assert goals["ingestion"].verdict == "must"
    assert goals["lone query"].verdict == "want"
    assert goals["start to ready"].verdict == "missed"
    assert goals["padding on the mixed load"].verdict == "-"


def test_a_peer_is_only_compared_while_its_vectors_are_right() -> None:
    outcome = result()
    peer = next(goal for goal in judge(outcome) if "infinity" in goal.name)
    assert peer.value == 3
    outcome.servers["infinity-torch"]["least_cosine"] = 0.98
    assert next(goal for goal in judge(outcome) if "infinity" in goal.name).value is None


def test_less_can_be_better() -> None:
    assert Goal("a", 2.0, 2, 1, more_is_better=False).verdict == "must"
    assert Goal("a", 2.1, 2, 1, more_is_better=False).verdict == "missed"


def test_tables_line_up_and_leave_out_what_nobody_has() -> None:
    table = render_table(["target", "n"], [["long name", "1"], ["b", "10"]])
    assert table.splitlines() == [
        "| target    |  n |",
        "| --------- | -: |",
        "| long name |  1 |",
        "| b         | 10 |",
    ]
    figures = render_figures({"a": {"p50_ms": 1.25}, "b": {"p50_ms": None}})
    assert "padding" not in figures
    assert figures.splitlines()[-1] == "| b      |      - |"


def test_a_report_says_what_is_missing() -> None:
    text = render_comparison(result(), {"ingestion": "lists of passages"})
    assert "lists of passages" in text
    assert "- infinity-optimum: ended with status 1" in text
    assert comparison_json(result())["goals"][0]["verdict"] == "must"

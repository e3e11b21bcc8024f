"""The processors that affinity and a container's quota leave."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from service.cpu import usable_cpus


@pytest.fixture
def cgroups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    return tmp_path


@pytest.mark.parametrize(
    ("content", "cpus"),
    [("max 100000", 8), ("200000 100000", 2), ("150000 100000", 2), ("5000 100000", 1)],
)
def test_the_quota_is_rounded_up(cgroups: Path, content: str, cpus: int) -> None:
    (cgroups / "cpu.max").write_text(content)
    assert usable_cpus(cgroups) == cpus


def test_a_quota_over_the_affinity_does_not_count(cgroups: Path) -> None:
    (cgroups / "cpu.max").write_text("6400000 100000")
    assert usable_cpus(cgroups) == 8


@pytest.mark.parametrize(("quota", "cpus"), [("300000", 3), ("-1", 8)])
def test_the_older_files_are_read_too(cgroups: Path, quota: str, cpus: int) -> None:
    (cgroups / "cpu").mkdir()
    (cgroups / "cpu" / "cpu.cfs_quota_us").write_text(quota)
    (cgroups / "cpu" / "cpu.cfs_period_us").write_text("100000")
    assert usable_cpus(cgroups) == cpus


def test_without_control_groups_the_affinity_counts(cgroups: Path) -> None:
    assert usable_cpus(cgroups / "absent") == 8


def test_this_machine_has_a_processor() -> None:
    assert usable_cpus() >= 1

"""Processor time and memory of a process and its descendants, from /proc."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
_MEBIBYTE = 1024  # of the kibibytes that /proc counts in


@dataclass(frozen=True)
class Usage:
    """What a process tree has used so far.

    Attributes:
        cpu_seconds: User and system time, that of ended children included.
        resident_mb: Resident memory now, in MiB; pages that two processes share count twice.
        peak_mb: The sum of each process' own peak, in MiB.
    """

    cpu_seconds: float
    resident_mb: float
    peak_mb: float


def read_usage(root: int) -> Usage:
    """Add up a process and its descendants; one that has ended counts as nothing."""
    cpu = resident = peak = 0.0
    for pid in process_tree(root):
        fields = _stat(pid)
        if fields is None:
            continue
        # utime, stime, and those of children that were waited for.
        cpu += sum(map(int, fields[11:15])) / _TICKS
        memory = _memory(pid)
        resident += memory.get("VmRSS", 0) / _MEBIBYTE
        peak += memory.get("VmHWM", 0) / _MEBIBYTE
    return Usage(cpu, resident, peak)


def process_tree(root: int) -> list[int]:
    """Return the process and its descendants, parents first."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))) is not None:
            children[int(fields[1])].append(int(entry.name))
    tree = [root]
    for pid in tree:
        tree += children[pid]
    return tree


def _stat(pid: int) -> list[str] | None:
    """Return the fields after the command's name, which may itself hold blanks and brackets."""
    try:
        content = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return content.rpartition(")")[2].split()


def _memory(pid: int) -> dict[str, int]:
    """Return the lines of `status` that count kibibytes."""
    try:
        lines = (PROC / str(pid) / "status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    pairs = (line.split() for line in lines if line.endswith(" kB"))
    return {name.rstrip(":"): int(value) for name, value, _ in pairs}

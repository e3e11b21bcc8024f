"""What processors there are: how many this process may use, and what they compute in."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_CPUINFO = Path("/proc/cpuinfo")
_BFLOAT16 = frozenset({"avx512_bf16", "amx_bf16"})


def usable_cpus(cgroups: Path = _CGROUPS) -> int:
    """Return the number of processors that affinity and the container's quota leave, at least 1.

    Args:
        cgroups: Where the control groups are mounted; a container sees its own at the root.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quota = _quota_v2(cgroups / "cpu.max") or _quota_v1(cgroups / "cpu")
    return max(1, min(allowed or 1, math.ceil(quota) if quota else allowed or 1))


def reports_bfloat16(cpuinfo: Path = _CPUINFO) -> bool:
    """Whether the processor says that it computes in bfloat16; False where it says nothing.

    Args:
        cpuinfo: Where Linux lists the processors.
    """
    return not _BFLOAT16.isdisjoint(_flags(cpuinfo))


def lacks_bfloat16(cpuinfo: Path = _CPUINFO) -> bool:
    """Whether the processor says what it can, and bfloat16 is not among it.

    Args:
        cpuinfo: Where Linux lists the processors.
    """
    flags = _flags(cpuinfo)
    return bool(flags) and _BFLOAT16.isdisjoint(flags)


def _flags(cpuinfo: Path) -> frozenset[str]:
    """What the first processor can do; nothing where that is not told."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return frozenset()
    line = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(line.partition(":")[2].split())


def _quota_v2(path: Path) -> float | None:
    """Read `max 100000` or `150000 100000`: microseconds of processor time in each period."""
    try:
        quota, period = path.read_text().split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else int(quota) / int(period)


def _quota_v1(folder: Path) -> float | None:
    """Read the older pair of files; -1 means no quota."""
    try:
        quota = int((folder / "cpu.cfs_quota_us").read_text())
        period = int((folder / "cpu.cfs_period_us").read_text())
    except (OSError, ValueError):
        return None
    return quota / period if quota > 0 else None

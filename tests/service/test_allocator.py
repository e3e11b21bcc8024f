"""Memory that is handed back, seen in what the process holds."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from service.allocator import give_back

_ROOT = Path(__file__).parents[2]

# 64 MiB in pieces that are too small for glibc to give back one by one, under one that stays.
_SCRIPT = """
import ctypes
from service.allocator import give_back

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]

def resident():
    line = next(l for l in open("/proc/self/status") if l.startswith("VmRSS"))
    return int(line.split()[1]) // 1024

size = 32 * 1024
pieces = [libc.malloc(size) for _ in range(2048)]
for piece in pieces:
    libc.memset(piece, 1, size)
for piece in pieces[:-1]:
    libc.free(piece)
before = resident()
give_back()
print(before - resident())
"""


# Elsewhere there is nothing to hand back, which the other test is about.
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone keeps what is free")
def test_what_is_free_below_what_stays_is_handed_back() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT], cwd=_ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 40


def test_where_there_is_no_glibc_nothing_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(ctypes, "CDLL", lambda _: pytest.fail("a library was opened"))
    give_back()

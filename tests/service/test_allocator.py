"""Memory that is handed back, seen in what the process holds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]

# 64 MiB in pieces that are too small for glibc to give back one by one, under one that stays.
_SCRIPT = """
import ctypes, sys
from service.allocator import give_back

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
if not hasattr(libc, "malloc_trim"):
    sys.exit(3)

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


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_what_is_free_below_what_stays_is_handed_back() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT], cwd=_ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode == 3:
        pytest.skip("the C library is not glibc")
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 40

"""A stage run as its command line runs it."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest


def last_line(monkeypatch: pytest.MonkeyPatch, script: Path, *arguments: str) -> str:
    """The one line with which a command ends that stops early."""
    monkeypatch.setattr(sys, "argv", [str(script), *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(script), run_name="__main__")
    line = str(ended.value.code)
    assert "\n" not in line
    return line

"""Prompt files: a system part and a user part, with places such as `$domain` to fill."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

Message = dict[str, str]

PARTS = re.compile(r"\A# System\n(?P<system>.+?)^# User\n(?P<user>.+)\Z", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Prompt:
    """What a language model is told about a kind of row."""

    system: Template
    user: Template

    def fill(self, values: Mapping[str, str]) -> list[Message]:
        """The messages of one call."""
        return [
            {"role": "system", "content": self.system.substitute(values)},
            {"role": "user", "content": self.user.substitute(values)},
        ]


def read_prompt(path: Path, required: Collection[str], given: Collection[str]) -> Prompt:
    """Read a prompt file.

    Args:
        path: The file.
        required: Places that it must have.
        given: Places that there is something to fill with.

    Raises:
        ValueError: A part or a required place is missing, or a place cannot be filled; the message
            names the file and what is wrong.
    """
    parts = PARTS.match(path.read_text(encoding="utf-8"))
    if parts is None:
        raise ValueError(f"{path}: has no '# System' part followed by a '# User' part")
    prompt = Prompt(Template(parts["system"].strip()), Template(parts["user"].strip()))
    places: set[str] = set()
    for part in (prompt.system, prompt.user):
        if not part.is_valid():
            raise ValueError(f"{path}: has a '$' that starts no place; write '$$' for the sign")
        places |= set(part.get_identifiers())
    if missing := sorted(set(required) - places):
        raise ValueError(f"{path}: has no place for ${missing[0]}")
    if unknown := sorted(places - set(given)):
        raise ValueError(f"{path}: nothing fills ${unknown[0]}; fields has no such list")
    return prompt

"""Which of a model's prompts a text gets, where a client says what the text is for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Task = Literal["query", "passage", "classification", "clustering"]

# The names that model folders give to the prompt of a task; the first one there is taken.
_NAMES: dict[Task, tuple[str, ...]] = {
    "query": ("query",),
    "passage": ("passage", "document"),
    "classification": ("classification",),
    "clustering": ("clustering",),
}


def find_prompt(prompts: Mapping[str, str], task: Task | None) -> str | None:
    """Return the name of the prompt for a task; None where the folder has none for it."""
    names = () if task is None else _NAMES[task]
    return next((name for name in names if name in prompts), None)

"""Text as messages and comparisons need it."""

from __future__ import annotations

from pydantic import ValidationError

from training.words import words

LONGEST = 240


def one_line(text: object) -> str:
    """A message in one line of at most 240 characters."""
    line = " ".join(str(text).split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 2]} …"


def first_fault(error: ValidationError) -> str:
    """The first thing that is wrong with a table or an object, and where in it."""
    fault = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in fault["loc"])
    return one_line(f"{where}: {fault['msg']}" if where else fault["msg"])


def normalised(text: str) -> str:
    """What two texts share that differ in case, spaces or punctuation alone."""
    return " ".join(words(text))

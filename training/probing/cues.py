"""Cues as the probes look at them: those that negate, and edits that leave all cues as they are."""

from __future__ import annotations

from service.cues import Cue, find_cues


def negation_cues(text: str) -> list[Cue]:
    """The negation cues of a text, of every kind; hedges are left out."""
    return [cue for cue in find_cues(text) if cue.kind != "hedge"]


def keeps_cues(before: str, after: str) -> bool:
    """Whether two texts have the same cues of negation and hedging, wherever they stand.

    Letters' case is not looked at: a cue that comes to open a sentence gets a capital.
    """
    return written(before) == written(after)


def written(text: str) -> list[str]:
    """The cues of a text in small letters, sorted."""
    return sorted(cue.text.lower() for cue in find_cues(text))

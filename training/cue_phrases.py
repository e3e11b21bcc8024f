"""The phrases that `training.cue_binding` binds to the word after them.

Explicit cues of the service's list (`service/data/cues.toml`) that negate what follows; an encoder
is given them as it is built, and keeps them in its folder.
"""

from __future__ import annotations

SINGLE = ("no", "not", "never", "without", "neither", "nor", "cannot", "hardly", "barely")
SEVERAL = (
    *("no longer", "not at all", "not even", "not yet", "by no means", "in no way", "in no case"),
    *("at no time", "at no point", "on no account", "under no circumstances", "never ever"),
    *("never again", "never once", "nowhere near", "not so much as", "nothing like"),
)
NEGATED = (
    *("are", "ca", "could", "did", "does", "do", "had", "has", "have", "is", "must", "need"),
    *("should", "was", "were", "wo", "would"),
)
CONTRACTIONS = tuple(f"{verb}n{mark}t" for verb in NEGATED for mark in ("'", "\u2019"))
CUE_PHRASES = (*SINGLE, *SEVERAL, *CONTRACTIONS)

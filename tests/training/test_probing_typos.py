"""Typing errors: deterministic, in words of content, and never in a cue."""

from __future__ import annotations

import pytest

from service.cues import find_cues
from training.probing.typos import double, omit, swap, with_typos

TEXT = "The neighbour has never repaired the unlocked window without asking Margit beforehand."


def test_an_error_swaps_doubles_or_omits_an_inner_letter() -> None:
    assert swap("window", 2) == "widnow"
    assert omit("window", 2) == "widow"
    assert double("window", 2) == "winndow"


def test_the_same_seed_gives_the_same_errors_and_another_seed_others() -> None:
    assert with_typos(TEXT) == with_typos(TEXT) != TEXT
    assert len({with_typos(TEXT, seed=seed) for seed in range(20)}) > 5


@pytest.mark.parametrize("seed", range(50))
def test_cues_names_and_short_words_stay_and_other_words_keep_their_ends(seed: int) -> None:
    changed = with_typos(TEXT, seed=seed)
    assert [cue.text for cue in find_cues(changed)] == ["never", "unlocked", "without"]
    for before, after in zip(TEXT.split(), changed.split(), strict=True):
        if before != after:
            assert before in ("neighbour", "repaired", "window", "asking", "beforehand.")
            assert (before[0], before.rstrip(".")[-1]) == (after[0], after.rstrip(".")[-1])


def test_an_error_that_would_make_a_cue_is_left_out() -> None:
    changed = {with_typos("He did it witthout me.", seed=seed) for seed in range(50)}
    assert len(changed) > 3
    assert not any(find_cues(text) for text in changed)


@pytest.mark.parametrize("text", ["", "Not so.", "It is red and wet.", "NEVER AGAIN"])
def test_a_text_without_a_word_to_spoil_stays(text: str) -> None:
    assert with_typos(text) == text

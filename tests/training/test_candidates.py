"""What an anchor is to tell its positive from, in one order whatever is asked."""

from __future__ import annotations

import torch
from planar import at

from training.losses.candidates import Candidates
from training.losses.parts import Parts, whole

WEIGHT = 0.3


def candidates() -> Candidates:
    """Two anchors, three shared texts, some of them out or own, and a private column."""
    return Candidates(
        at(0, 90, general=(10, 80)),
        at(20, 70, 45, general=(5, 60, 30)),
        [at(180, 200, general=(0, 0))],
        own=torch.tensor([[False, False, True], [False, False, False]]),
        out=torch.tensor([[False, True, False], [False, False, True]]),
    )


def test_the_similarities_are_those_of_the_vectors_in_the_same_place() -> None:
    found = candidates().similarities(WEIGHT)
    vectors = candidates().vectors(WEIGHT)
    anchor = whole(candidates().anchor, WEIGHT)
    expected = (anchor[:, None] * vectors).sum(dim=2)
    out = torch.tensor([[False, True, False, False], [False, False, True, False]])
    torch.testing.assert_close(found, expected.masked_fill(out, -torch.inf))


def test_own_hard_negatives_are_those_that_are_named_and_all_private_ones() -> None:
    assert candidates().hard().tolist() == [[False, False, True, True], [False, False, False, True]]
    shared = Candidates(at(0, 90), at(20, 70))
    assert shared.hard().tolist() == [[False, False], [False, False]]


def test_the_positive_of_a_row_is_the_candidate_of_its_number() -> None:
    assert candidates().positive().tolist() == [
        [True, False, False, False],
        [False, True, *[False] * 2],
    ]


def test_the_guide_sees_the_general_part_alone_and_learns_nothing() -> None:
    found = candidates().guide()
    general = candidates().similarities(0.0)
    torch.testing.assert_close(found, general.detach())
    assert not found.requires_grad


def test_the_guide_is_the_base_encoder_where_the_general_part_is_trained() -> None:
    base = at(0, 60).general
    trained = Parts(at(30, 30).general, at(45, 45).polarity, base)
    found = Candidates(trained, trained).guide()
    expected = torch.tensor([[1.0, 0.5], [0.5, 1.0]], dtype=found.dtype)
    torch.testing.assert_close(found, expected)

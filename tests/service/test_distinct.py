"""Texts without their twins."""

from __future__ import annotations

import pytest

from service.distinct import Distinct, placed
from service.errors import EmptyInput, InvalidInput


def test_the_first_of_each_kind_stands_for_all() -> None:
    distinct = Distinct.of(["pool", "hotel", "pool", "drug", "hotel"])
    assert distinct.texts == ["pool", "hotel", "drug"]
    assert distinct.places == [0, 1, 3]
    assert distinct.for_all([4, 5, 6]) == [4, 5, 4, 6, 5]


def test_texts_of_which_none_repeats_stay_as_they_are() -> None:
    distinct = Distinct.of(["pool", "Pool", "pool "])
    assert distinct.texts == ["pool", "Pool", "pool "]
    assert distinct.for_all([1, 2, 3]) == [1, 2, 3]


def test_an_error_is_given_the_place_of_the_first_of_its_kind() -> None:
    with pytest.raises(EmptyInput) as failure, placed([0, 1, 3]):
        raise EmptyInput("empty", index=2)
    assert failure.value.index == 3
    with pytest.raises(InvalidInput) as failure, placed([0, 1, 3]):
        raise InvalidInput("of no text")
    assert failure.value.index is None

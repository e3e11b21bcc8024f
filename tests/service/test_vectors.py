"""Arithmetic on finished vectors, against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from service.errors import StartupError
from service.vectors import TwoPart, find_unusable, normalize, sigmoid, softmax


def rows(*values: list[float]) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def test_normalize_scales_each_row_to_unit_length_and_leaves_zeros() -> None:
    unit = normalize(rows([3, 4], [0, 0], [-0.5, 0]))
    np.testing.assert_allclose(unit, rows([0.6, 0.8], [0, 0], [-1, 0]))
    assert unit.dtype == np.float32


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_row_with_one_number_that_is_not_finite_is_unusable(bad: float) -> None:
    faults = find_unusable(rows([1, 2], [1, bad], [-1, 1]), zeros_allowed=False)
    assert list(faults) == [1]
    assert "not finite" in faults[1]


def test_infinities_of_both_signs_do_not_cancel_out() -> None:
    assert list(find_unusable(rows([np.inf, -np.inf]), zeros_allowed=True)) == [0]


def test_a_row_of_zeros_is_unusable_only_where_vectors_are_expected() -> None:
    zeros = rows([0, 0], [1, -1])
    assert list(find_unusable(zeros, zeros_allowed=False)) == [0]
    assert find_unusable(zeros, zeros_allowed=True) == {}


def test_softmax_of_large_logits_does_not_overflow() -> None:
    probabilities = softmax(rows([1000, 1000, 0], [0, np.log(3), -np.inf]))
    np.testing.assert_allclose(probabilities, rows([0.5, 0.5, 0], [0.25, 0.75, 0]), atol=1e-6)


def test_reweighing_gives_what_the_model_would_give_at_that_weight() -> None:
    general, polarity = np.array([0.6, 0.8]), np.array([0.0, 1.0, 0.0])

    def at(weight: float) -> np.ndarray:
        return rows([*(1 - weight) ** 0.5 * general, *weight**0.5 * polarity])

    parts = TwoPart(2, 3, 0.3)
    for weight in (0, 0.25, 0.3, 0.9, 1):
        changed = parts.reweigh(at(0.3), weight)
        np.testing.assert_allclose(changed, at(weight), atol=1e-6)
        np.testing.assert_allclose(np.linalg.norm(changed, axis=1), 1, atol=1e-6)


def test_reweighing_gives_rows_of_any_weight_of_their_own_the_same() -> None:
    general, polarity = np.array([0.6, 0.8]), np.array([0.0, 1.0, 0.0])

    def at(*weights: float) -> np.ndarray:
        return rows(*([*(1 - w) ** 0.5 * general, *w**0.5 * polarity] for w in weights))

    parts = TwoPart(2, 3, 0.3, 0.9)
    for weight in (0, 0.25, 0.3, 0.9, 1):
        changed = parts.reweigh(at(0.3, 0.55, 0.9), weight)
        np.testing.assert_allclose(changed, at(weight, weight, weight), atol=1e-6)
        assert changed.dtype == np.float32


@pytest.mark.parametrize("weight", [0, 0.29, 0.3, 1, 1.5, float("nan")])
def test_an_exclusion_weight_lies_between_the_negation_weight_and_one(weight: float) -> None:
    with pytest.raises(
        StartupError, match=r"exclusion_weight must be over its negation_weight, 0\.3"
    ):
        TwoPart(2, 2, 0.3, weight)


@pytest.mark.parametrize("weight", [0, 1, -0.1, 1.5, float("nan")])
def test_a_two_part_model_needs_some_of_each_part_to_rescale(weight: float) -> None:
    with pytest.raises(StartupError, match="negation_weight"):
        TwoPart(2, 2, weight)


def test_a_two_part_model_needs_dimensions_in_each_part() -> None:
    with pytest.raises(StartupError, match="dimension"):
        TwoPart(0, 2, 0.5)


def test_the_sigmoid_keeps_its_digits_and_does_not_overflow() -> None:
    logits = np.array([0, 2, -2, -40, 1e30, -1e30, 3e38, -3e38], dtype=np.float32)
    expected = [0.5, 0.8807971, 0.1192029, 4.248354e-18, 1, 0, 1, 0]
    found = sigmoid(logits)
    np.testing.assert_allclose(found, np.array(expected, dtype=np.float32), rtol=1e-5)
    assert found.dtype == np.float32

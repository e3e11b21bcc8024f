"""Pooling on arrays small enough to check by hand."""

from __future__ import annotations

import numpy as np

from service.pooling import pool

HIDDEN = np.array(
    [[[1, 2], [3, 6], [100, -100]], [[5, 5], [7, 7], [9, 3]]], dtype=np.float32
)  # (2 texts, 3 tokens, 2 numbers)
MASK = np.array([[1, 1, 0], [1, 1, 1]])


def test_the_mean_is_over_tokens_and_not_over_padding() -> None:
    np.testing.assert_allclose(pool(HIDDEN, MASK, "mean"), [[2, 4], [7, 5]])


def test_cls_is_the_vector_of_the_first_token() -> None:
    np.testing.assert_array_equal(pool(HIDDEN, MASK, "cls"), [[1, 2], [5, 5]])


def test_lasttoken_is_the_vector_of_the_last_token_before_the_padding() -> None:
    np.testing.assert_array_equal(pool(HIDDEN, MASK, "lasttoken"), [[3, 6], [9, 3]])


def test_a_row_of_padding_alone_gives_zeros_and_not_nan() -> None:
    np.testing.assert_array_equal(pool(HIDDEN, np.zeros_like(MASK), "mean"), np.zeros((2, 2)))


def test_pooling_keeps_single_precision() -> None:
    assert pool(HIDDEN, MASK, "mean").dtype == np.float32

"""Vectors in fewer bytes, and the ranges that go with them."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from tiny_models import calibration_of

from service.quantization import CalibrationRanges, Precision, little_endian, quantize
from service.vectors import TwoPart, normalize


def rows(*values: list[float]) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def ranges(minima: list[float], maxima: list[float]) -> CalibrationRanges:
    even = [1 / len(minima)] * len(minima)
    return CalibrationRanges.read({"minima": minima, "maxima": maxima, "mean_squares": even})


def spread(count: int, dimensions: int, seed: int = 0) -> np.ndarray:
    """Vectors of unit length, whose dimensions differ in place and width."""
    random = np.random.default_rng(seed)
    widths = random.uniform(0.1, 2, dimensions)
    places = random.normal(size=dimensions) / 2
    return normalize((random.normal(size=(count, dimensions)) * widths + places).astype(np.float32))


def test_eight_bits_divide_a_range_into_256_steps_and_stop_at_its_ends() -> None:
    vectors = rows([0.0, -51.0], [255.0, 0.0], [0.9, -40.9], [-5.0, 9.0])
    known = ranges([0.0, -51.0], [255.0, 0.0])
    found = quantize(vectors, "uint8", known)
    assert np.array_equal(found, [[0, 0], [255, 255], [0, 50], [0, 255]])
    signed = quantize(vectors, "int8", known)
    assert np.array_equal(signed, np.array(found, dtype=int) - 128)
    assert (found.dtype, signed.dtype) == (np.uint8, np.int8)


def test_a_dimension_that_never_changes_takes_one_step() -> None:
    found = quantize(rows([0.25, 0.0], [0.25, 9.0]), "uint8", ranges([0.25, 0.0], [0.25, 1.0]))
    assert np.array_equal(found, [[0, 0], [0, 255]])


def test_a_bit_says_whether_a_number_is_over_zero_and_the_first_is_the_highest() -> None:
    vectors = rows([0.1, -0.1, 0.0, 0.2, -3.0, 0.4, -0.5, 0.6, 0.7, -0.8])
    assert np.array_equal(quantize(vectors, "ubinary", None), [[0b10010101, 0b10000000]])
    assert np.array_equal(quantize(vectors, "binary", None), [[0b10010101 - 128, 0]])
    assert quantize(vectors, "binary", None).dtype == np.int8


def test_base64_holds_little_endian_float32() -> None:
    vectors = rows([1.0, -2.5], [0.0, 0.125])
    texts = quantize(vectors, "base64", None)
    found = [np.frombuffer(base64.b64decode(text), dtype="<f4") for text in texts]
    assert np.array_equal(found, vectors)
    turned = vectors[:, ::-1]
    assert little_endian(turned).tobytes() == turned.astype("<f4").tobytes()


@pytest.mark.parametrize("precision", ["int8", "uint8"])
def test_eight_bits_need_a_range_for_each_dimension(precision: Precision) -> None:
    for known in (None, ranges([0.0], [1.0])):
        with pytest.raises(ValueError, match="needs a range for each of the 2 dimensions"):
            quantize(rows([0.0, 1.0]), precision, known)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "three lists"),
        ({"minima": [0], "maxima": [1]}, "three lists"),
        ({"minima": [0], "maxima": [1, 2], "mean_squares": [1]}, "three lists"),
        ({"minima": [], "maxima": [], "mean_squares": []}, "three lists"),
        ({"minima": [[0]], "maxima": [[1]], "mean_squares": [[1]]}, "three lists"),
        ({"minima": 0, "maxima": 1, "mean_squares": 1}, "three lists"),
        ({"minima": [1], "maxima": [0], "mean_squares": [1]}, "a minimum is over its maximum"),
        ({"minima": [0], "maxima": [float("inf")], "mean_squares": [1]}, "not finite"),
        ({"minima": [0], "maxima": [1], "mean_squares": [-1]}, "under 0"),
    ],
)
def test_ranges_that_are_none_are_refused(content: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        CalibrationRanges.read(content)


@pytest.mark.parametrize("weight", [0.0, 0.2, 0.4, 0.9, 1.0])
def test_at_another_weight_the_ranges_are_those_of_the_rescaled_vectors(weight: float) -> None:
    parts = TwoPart(12, 8, 0.4)
    units = [normalize(part) for part in (spread(500, 12), spread(500, 8, seed=1))]
    served = np.hstack([0.6**0.5 * units[0], 0.4**0.5 * units[1]])
    moved = parts.reweigh(served, weight)
    adapted = CalibrationRanges.read(calibration_of(served)).adapt(None, parts.scale(weight))
    np.testing.assert_allclose(adapted.minima, moved.min(axis=0), atol=1e-6)
    np.testing.assert_allclose(adapted.maxima, moved.max(axis=0), atol=1e-6)
    np.testing.assert_allclose(adapted.mean_squares.sum(), 1, atol=1e-5)
    # A whole part has one length, whatever the text, so that cutting there is as exact.
    if weight < 1:
        cut = CalibrationRanges.read(calibration_of(served)).adapt(12, parts.scale(weight))
        np.testing.assert_allclose(cut.minima, units[0].min(axis=0), atol=1e-5)
        np.testing.assert_allclose(cut.maxima, units[0].max(axis=0), atol=1e-5)


@pytest.mark.parametrize("dimensions", [None, 8, 12, 13, 17])
def test_ranges_of_two_weights_hold_the_vectors_of_every_weight_between(
    dimensions: int | None,
) -> None:
    parts = TwoPart(12, 8, 0.4, 0.9)
    units = [normalize(part) for part in (spread(500, 12), spread(500, 8, seed=1))]
    served = np.hstack([0.6**0.5 * units[0], 0.4**0.5 * units[1]])
    known = CalibrationRanges.read(calibration_of(served))
    ranges = known.adapt_to_each(dimensions, parts.scales(None))
    for weight in np.linspace(0.4, 0.9, 11):
        one = known.adapt(dimensions, parts.scale(weight))
        assert (ranges.minima <= one.minima + 1e-6).all()
        assert (ranges.maxima >= one.maxima - 1e-6).all()


def test_the_ranges_of_one_scale_are_those_of_vectors_without_a_gate() -> None:
    known = CalibrationRanges.read(calibration_of(spread(500, 20)))
    for dimensions in (None, 9):
        found = known.adapt_to_each(dimensions, TwoPart(12, 8, 0.4).scales(None))
        expected = known.adapt(dimensions)
        assert np.array_equal(found.minima, expected.minima)
        assert np.array_equal(found.maxima, expected.maxima)
        assert np.array_equal(found.mean_squares, expected.mean_squares)


def test_one_range_for_all_dimensions_is_even_about_zero_and_as_wide_as_the_widest() -> None:
    shared = ranges([-0.2, 0.1], [0.1, 0.3]).shared()
    np.testing.assert_allclose(shared.minima, [-0.3, -0.3])
    np.testing.assert_allclose(shared.maxima, [0.3, 0.3])
    assert ranges([0.0], [0.0]).shared().maxima == 0


@pytest.mark.parametrize("dimensions", [16, 32, 40, 63])
def test_a_cut_vector_keeps_within_the_ranges_of_its_length(dimensions: int) -> None:
    whole = spread(2000, 64)
    cut = normalize(whole[:, :dimensions])
    adapted = CalibrationRanges.read(calibration_of(whole)).adapt(dimensions)
    outside = (cut < adapted.minima) | (cut > adapted.maxima)
    assert outside.mean() < 0.01
    # And the ranges are not so wide that steps are wasted.
    widths = (adapted.maxima - adapted.minima) / (cut.max(axis=0) - cut.min(axis=0))
    assert 0.7 < np.median(widths) < 1.5

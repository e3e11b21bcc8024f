"""The average of encoders: the mean of their weights, and an encoder like them."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import nn

from training.fusion import average
from training.two_part import TwoPartEncoder


def moved(encoder: TwoPartEncoder, distance: float) -> TwoPartEncoder:
    """A copy whose trained weights all lie at a distance."""
    other = deepcopy(encoder)
    with torch.no_grad():
        for weight in other.polarity.parameters():
            weight.add_(distance)
    return other


@pytest.mark.parametrize(("distances", "mean"), [((0.0, 0.5), 0.25), ((0.1, 0.2, 0.6), 0.3)])
def test_an_average_lies_in_the_middle_of_its_encoders(
    distances: tuple[float, ...], mean: float, encoder: TwoPartEncoder
) -> None:
    averaged = average([moved(encoder, distance) for distance in distances]).state_dict()
    expected = moved(encoder, mean).state_dict()
    assert averaged.keys() == expected.keys()
    for name, weight in averaged.items():
        assert weight.dtype == expected[name].dtype
        torch.testing.assert_close(weight, expected[name])


def test_models_of_different_shapes_have_no_average() -> None:
    with pytest.raises(ValueError, match="start: the checkpoints have different shapes"):
        average([nn.Linear(3, 2), nn.Linear(3, 4)])
    with pytest.raises(ValueError, match="start: the checkpoints have different shapes"):
        average([nn.Linear(3, 2), nn.Linear(3, 2, bias=False)])


def test_the_average_of_one_is_itself(encoder: TwoPartEncoder) -> None:
    averaged = average([deepcopy(encoder)]).state_dict()
    for name, weight in encoder.state_dict().items():
        assert torch.equal(averaged[name], weight)

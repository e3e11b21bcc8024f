"""Averages of encoders: of their weights, evenly or by how far each moved, and like them."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch import nn

from training.fusion import average, delta_average
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


@pytest.mark.parametrize(
    ("distances", "fused"),
    # Shares of 1/4 and 3/4; of one half each, the other way; of all and nothing.
    [((0.1, 0.3), 0.25), ((0.2, -0.2), 0.0), ((0.0, 0.4), 0.4)],
)
def test_a_delta_average_weighs_each_change_by_its_size(
    distances: tuple[float, ...], fused: float, encoder: TwoPartEncoder
) -> None:
    encoders = [moved(encoder, distance) for distance in distances]
    averaged = delta_average(encoders, encoder).state_dict()
    expected = moved(encoder, fused).state_dict()
    assert averaged.keys() == expected.keys()
    for name, weight in averaged.items():
        assert weight.dtype == expected[name].dtype
        torch.testing.assert_close(weight, expected[name])


def test_the_shares_of_a_delta_average_are_each_tensors_own(encoder: TwoPartEncoder) -> None:
    first, second = deepcopy(encoder), deepcopy(encoder)
    names = [name for name, _ in encoder.polarity.named_parameters()]
    with torch.no_grad():
        first.polarity.get_parameter(names[0]).add_(0.4)
        second.polarity.get_parameter(names[1]).add_(0.2)
    averaged = delta_average([first, second], encoder)
    for name, distance in ((names[0], 0.4), (names[1], 0.2)):
        changed = averaged.polarity.get_parameter(name) - encoder.polarity.get_parameter(name)
        torch.testing.assert_close(changed, torch.full_like(changed, distance))


def test_a_projection_is_averaged_evenly_since_the_base_has_none(tiny_base: Path) -> None:
    encoders = [
        TwoPartEncoder.from_base(
            str(tiny_base),
            shared_layers=1,
            polarity_dimensions=8,
            negation_weight=0.3,
            max_seq_length=16,
        )
        for _ in range(3)
    ]
    first, second, base = (
        encoder.state_dict()["projection.weight"].clone() for encoder in encoders
    )
    assert not torch.equal(first, base)
    averaged = delta_average(encoders[:2], encoders[2]).state_dict()["projection.weight"]
    torch.testing.assert_close(averaged, (first + second) / 2)

"""Heads on the tokens of both texts: what they read, and that their folders load anywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import CrossEncoder
from torch import Tensor
from transformers import BertForSequenceClassification

from training.pair.heads import (
    HEADS,
    PairHeadConfig,
    PairHeadForSequenceClassification,
    alignment_features,
    segment_features,
)

PAIRS = [
    ("The pump leaks.", "No pump leaks at night."),
    ("The door is open.", "The door is not closed and the lamp is on."),
]


def masks(owners: str) -> tuple[Tensor, Tensor]:
    """Masks of one row whose tokens belong to the first text, the second, or to none ("-")."""
    first, second = ([[float(owner == text)] for owner in owners] for text in "12")
    return torch.tensor([first]), torch.tensor([second])


def headed(base: Path, head: str) -> CrossEncoder:
    torch.manual_seed(1)
    model = CrossEncoder(str(base), num_labels=5, max_length=40, device="cpu")
    model[0].model = PairHeadForSequenceClassification.from_body(model.model, head)
    return model


def test_segments_are_the_means_of_both_texts_their_difference_and_product() -> None:
    states = torch.tensor([[[1.0, 2.0], [3.0, 6.0], [4.0, -1.0], [9.0, 9.0]]])
    features = segment_features(states, *masks("112-"))
    expected = [2.0, 4.0, 4.0, -1.0, 2.0, 5.0, 8.0, -4.0]
    torch.testing.assert_close(features, torch.tensor([expected]))


def test_a_text_that_is_not_there_has_no_share_in_the_segments() -> None:
    features = segment_features(torch.ones(1, 2, 3), *masks("11"))
    expected = [1.0] * 3 + [0.0] * 3 + [1.0] * 3 + [0.0] * 3
    torch.testing.assert_close(features, torch.tensor([expected]))


def test_aligned_tokens_show_the_one_without_a_counterpart() -> None:
    # So far from each other that each token is aligned with its like alone.
    pump, leaks, never = 30 * torch.eye(3)
    states = torch.stack((pump, leaks, leaks, never, pump))[None]
    mean_first, most_first, mean_second, most_second = alignment_features(
        states, *masks("11222")
    ).chunk(4, dim=-1)
    zeros = torch.zeros(1, 3)
    torch.testing.assert_close(mean_first, zeros, atol=1e-4, rtol=0)
    torch.testing.assert_close(most_first, zeros, atol=1e-4, rtol=0)
    # It is as far from either token of the first text, so it lies by the middle of both.
    gap = torch.tensor([[15.0, 15.0, 30.0]])
    torch.testing.assert_close(most_second, gap, atol=1e-4, rtol=0)
    torch.testing.assert_close(mean_second, gap / 3, atol=1e-4, rtol=0)


def test_texts_swapped_swap_their_alignments() -> None:
    states = torch.randn(1, 6, 4, generator=torch.Generator().manual_seed(0))
    first, second = masks("11222-")
    there = alignment_features(states, first, second)
    back = alignment_features(states, second, first)
    torch.testing.assert_close(there, back.roll(8, dims=-1))


@pytest.mark.parametrize("head", HEADS)
def test_padding_changes_nothing(head: str, tiny_base: Path) -> None:
    model = headed(tiny_base, head)
    together = model.predict(PAIRS)
    alone = np.concatenate([model.predict([pair]) for pair in PAIRS])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_the_body_stays_as_it_was(tiny_base: Path) -> None:
    plain = BertForSequenceClassification.from_pretrained(tiny_base, num_labels=3)
    made = PairHeadForSequenceClassification.from_body(plain, "segments")
    assert made.bert is plain.bert
    assert made.num_labels == 3


def test_an_unknown_head_is_refused(tiny_base: Path) -> None:
    config = PairHeadConfig.from_pretrained(tiny_base, head="segment")
    with pytest.raises(ValueError, match="head 'segment' is none of segments, alignment"):
        PairHeadForSequenceClassification(config)


@pytest.mark.parametrize("head", HEADS)
def test_a_folder_loads_with_the_code_that_lies_in_it(
    head: str, tiny_base: Path, tmp_path: Path
) -> None:
    model = headed(tiny_base, head)
    model.save_pretrained(str(tmp_path / head))
    loaded = CrossEncoder(str(tmp_path / head), device="cpu", trust_remote_code=True)
    assert type(loaded.model).__module__.startswith("transformers_modules.")
    np.testing.assert_array_equal(loaded.predict(PAIRS), model.predict(PAIRS))

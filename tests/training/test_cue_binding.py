"""Cues bound to what they negate: which tokens share a vector, and which stay as they are."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from service.cues import find_cues
from training.cue_binding import CueBinding
from training.cue_phrases import CUE_PHRASES
from training.two_part import TwoPartEncoder

# [CLS] and [SEP] of the sequences below, and padding.
START, END, NONE = 101, 102, 0
# "no" is 5, "no longer" 5 6, "never" 7.
BINDING = CueBinding([[5], [5, 6], [7]])
TEXTS = ["The pump never leaks.", "The pump is not open, no valve is closed.", "The lamp is red."]


def bind(*tokens: int, padding: int = 0) -> tuple[Tensor, Tensor]:
    """Token vectors before and after binding, without those of padding."""
    ids = torch.tensor([[START, *tokens, END, *[NONE] * padding]])
    mask = (ids != NONE).long()
    torch.manual_seed(3)
    hidden = torch.randn(1, ids.shape[1], 4)
    length = int(mask.sum())
    return hidden[0, :length], BINDING(hidden, ids, mask)[0, :length]


def test_a_cue_and_the_word_after_it_share_their_mean() -> None:
    before, after = bind(20, 7, 21, 22)
    torch.testing.assert_close(after[2], before[2:4].mean(dim=0))
    torch.testing.assert_close(after[3], after[2])
    for place in (0, 1, 4, 5):
        torch.testing.assert_close(after[place], before[place], rtol=0, atol=0)


def test_of_phrases_that_start_at_one_word_the_longest_counts() -> None:
    before, after = bind(5, 6, 21, 22)
    for place in (1, 2, 3):
        torch.testing.assert_close(after[place], before[1:4].mean(dim=0))
    torch.testing.assert_close(after[4], before[4], rtol=0, atol=0)


def test_a_phrase_that_is_not_whole_is_none() -> None:
    before, after = bind(20, 6, 21)
    torch.testing.assert_close(after, before, rtol=0, atol=0)


@pytest.mark.parametrize("padding", [0, 3])
def test_what_ends_a_text_is_never_bound(padding: int) -> None:
    before, after = bind(20, 7, padding=padding)
    torch.testing.assert_close(after, before, rtol=0, atol=0)


def test_a_token_between_two_cues_has_something_of_both() -> None:
    before, after = bind(5, 7, 21)
    first, second = before[1:3].mean(dim=0), before[2:4].mean(dim=0)
    torch.testing.assert_close(after[1], first)
    torch.testing.assert_close(after[2], (first + second) / 2)
    torch.testing.assert_close(after[3], second)


def test_rows_of_a_batch_are_bound_each_for_itself() -> None:
    ids = torch.tensor([[START, 7, 21, END], [START, 21, 20, END]])
    hidden, mask = torch.randn(2, 4, 4), torch.ones(2, 4, dtype=torch.long)
    bound = BINDING(hidden, ids, mask)
    torch.testing.assert_close(bound[:1], BINDING(hidden[:1], ids[:1], mask[:1]))
    torch.testing.assert_close(bound[1], hidden[1], rtol=0, atol=0)


def embed(module: TwoPartEncoder, texts: list[str]) -> dict[str, Tensor]:
    with torch.no_grad():
        return module(module.preprocess(texts))


def test_binding_changes_the_polarity_part_of_texts_with_a_cue_alone(
    encoder: TwoPartEncoder,
) -> None:
    before = embed(encoder, TEXTS)
    encoder.bind_cues(CUE_PHRASES)
    after = embed(encoder, TEXTS)
    assert torch.equal(after["general"], before["general"])
    differ = [
        not torch.allclose(old, new, atol=1e-3)
        for old, new in zip(before["polarity"], after["polarity"], strict=True)
    ]
    assert differ == [True, True, False]


def test_padding_does_not_reach_a_bound_text(encoder: TwoPartEncoder) -> None:
    encoder.bind_cues(CUE_PHRASES)
    together = embed(encoder, TEXTS)["polarity"]
    alone = torch.cat([embed(encoder, [text])["polarity"] for text in TEXTS])
    torch.testing.assert_close(together, alone)


def test_phrases_that_the_tokenizer_cannot_spell_bind_nothing(encoder: TwoPartEncoder) -> None:
    before = embed(encoder, TEXTS)
    # "longer" is no word of the tiny vocabulary: it would be [UNK], which is anything.
    encoder.bind_cues(["no longer"])
    assert encoder.cue_binding is None
    after = embed(encoder, TEXTS)
    assert torch.equal(after["polarity"], before["polarity"])


def test_a_folder_keeps_its_phrases_and_no_weight_of_them(
    encoder: TwoPartEncoder, tmp_path: Path
) -> None:
    encoder.bind_cues(["not", "never"])
    assert not any(name.startswith("cue_binding") for name in encoder.state_dict())
    encoder.save(str(tmp_path))
    loaded = TwoPartEncoder.load(str(tmp_path)).eval()
    assert loaded.cue_phrases == ["not", "never"]
    assert torch.equal(embed(loaded, TEXTS)["polarity"], embed(encoder, TEXTS)["polarity"])


def test_every_phrase_is_one_cue_to_the_service() -> None:
    for phrase in CUE_PHRASES:
        found = [cue.text for cue in find_cues(f"it is {phrase} here")]
        assert found == [phrase], phrase
    assert len(set(CUE_PHRASES)) == len(CUE_PHRASES)

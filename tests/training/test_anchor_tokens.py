"""Anchor-token pooling: its weights against transformers' own attention, and the vectors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from training.anchor_tokens import received_attention
from training.two_part import TwoPartEncoder

TEXTS = ["The pump leaks.", "The pump never leaks, and no valve was open at night."]


@pytest.fixture
def pooled(encoder: TwoPartEncoder) -> TwoPartEncoder:
    encoder.pooling = "anchor-tokens"
    return encoder


def test_a_token_weighs_the_attention_that_all_tokens_give_it(
    tiny_base: Path, pooled: TwoPartEncoder
) -> None:
    base = AutoModel.from_pretrained(tiny_base, attn_implementation="eager").eval()
    encoded = AutoTokenizer.from_pretrained(tiny_base)(TEXTS, padding=True, return_tensors="pt")
    mask = encoded["attention_mask"]
    with torch.no_grad():
        output = base(**encoded, output_attentions=True, output_hidden_states=True)
        # (batch, heads, queries, keys), the queries that are padding left out.
        attention = output.attentions[-1].mean(dim=1) * mask[:, :, None]
        expected = attention.sum(dim=1) * mask
        bias = (1.0 - mask[:, None, None, :].float()) * -10000.0
        layer, before = pooled.polarity[-1], output.hidden_states[-2]
        torch.testing.assert_close(received_attention(layer, before, bias, mask), expected)
        # Every token gives away an attention of 1.
        torch.testing.assert_close(expected.sum(dim=1), mask.sum(dim=1).float())
        tokens = output.last_hidden_state
        mean = (expected[:, :, None] * tokens).sum(dim=1) / expected.sum(dim=1)[:, None]
        found = pooled(pooled.preprocess(TEXTS))["polarity"]
    torch.testing.assert_close(found, torch.nn.functional.normalize(mean, dim=1))


def test_the_pooling_changes_the_polarity_part_alone(encoder: TwoPartEncoder) -> None:
    with torch.no_grad():
        before = encoder(encoder.preprocess(TEXTS))
        encoder.pooling = "anchor-tokens"
        after = encoder(encoder.preprocess(TEXTS))
    assert torch.equal(after["general"], before["general"])
    assert not torch.allclose(after["polarity"], before["polarity"], atol=1e-3)


def test_padding_gets_no_weight(pooled: TwoPartEncoder) -> None:
    with torch.no_grad():
        together = pooled(pooled.preprocess(TEXTS))["polarity"][0]
        alone = pooled(pooled.preprocess(TEXTS[:1]))["polarity"][0]
    torch.testing.assert_close(together, alone)


def test_queries_and_keys_of_the_last_layer_learn_from_the_pooling(pooled: TwoPartEncoder) -> None:
    pooled.train()
    vectors = pooled(pooled.preprocess(TEXTS))["polarity"]
    (vectors[0] @ vectors[1]).backward()
    gradient = pooled.polarity[-1].attention.self.key.weight.grad
    assert gradient is not None
    assert gradient.abs().sum() > 0


def test_a_folder_keeps_its_pooling_and_one_without_the_key_has_the_mean(
    pooled: TwoPartEncoder, tmp_path: Path
) -> None:
    pooled.save(str(tmp_path))
    assert TwoPartEncoder.load(str(tmp_path)).pooling == "anchor-tokens"
    path = tmp_path / "two_part_config.json"
    kept = json.loads(path.read_text())
    for later in ("pooling", "cue_phrases", "exclusion_weight"):
        del kept[later]
    path.write_text(json.dumps(kept))
    old = TwoPartEncoder.load(str(tmp_path))
    assert old.pooling == "mean"
    assert old.cue_phrases == []


def test_an_unknown_pooling_is_refused(tiny_base: Path) -> None:
    with pytest.raises(ValueError, match="pooling must be one of mean, anchor-tokens"):
        TwoPartEncoder.from_base(
            str(tiny_base),
            shared_layers=1,
            polarity_dimensions=32,
            negation_weight=0.3,
            max_seq_length=64,
            pooling="max",
        )

"""The two-part module: its two parts, what is trained of it, and the folders it lives in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor
from transformers import AutoModel, AutoTokenizer

from training import storage
from training.two_part import TwoPartEncoder

TEXTS = [
    "The pump leaks.",
    "The pump never leaks, and no valve was open at night.",
    "Only a few of the trains may be late.",
]


def make(base: Path, **settings: float) -> TwoPartEncoder:
    shape: dict[str, float] = {
        "shared_layers": 1,
        "polarity_dimensions": 32,
        "negation_weight": 0.3,
        "max_seq_length": 64,
    }
    return TwoPartEncoder.from_base(str(base), **(shape | settings)).eval()


def embed(module: TwoPartEncoder, texts: list[str]) -> dict[str, Tensor]:
    with torch.no_grad():
        return module(module.preprocess(texts))


def unsettle(module: TwoPartEncoder) -> TwoPartEncoder:
    """Move the polarity part away from the general one, as training does."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in module.polarity.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
    return module


def unlatch(module: TwoPartEncoder) -> TwoPartEncoder:
    """Give a gate coefficients by which it is open for one of the texts and closed for another."""
    parts = embed(module, TEXTS)
    both = torch.cat((parts["general"], parts["polarity"]), dim=1)
    opening = module.gate.opening
    with torch.no_grad():
        opening.weight.copy_(30 * (both[1] - both[0])[None])
        opening.bias.copy_(-opening.weight @ (both[0] + both[1]) / 2)
    return module


def take_a_step(module: TwoPartEncoder) -> None:
    """One optimiser step over all parameters that may move, in training mode."""
    module.train()
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.05, weight_decay=0.1)
    vectors = module(module.preprocess(TEXTS))["sentence_embedding"]
    (vectors @ vectors.T).sum().backward()
    optimizer.step()
    module.eval()


def test_the_polarity_part_starts_equal_to_the_general_part(encoder: TwoPartEncoder) -> None:
    parts = embed(encoder, TEXTS)
    torch.testing.assert_close(parts["polarity"], parts["general"], rtol=0, atol=0)


def test_the_general_part_is_the_mean_of_the_base_encoders_tokens(
    tiny_base: Path, encoder: TwoPartEncoder
) -> None:
    base = AutoModel.from_pretrained(tiny_base).eval()
    tokenizer = AutoTokenizer.from_pretrained(tiny_base)
    for text in TEXTS:
        with torch.no_grad():
            tokens = base(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
        expected = torch.nn.functional.normalize(tokens.mean(dim=0), dim=0)
        torch.testing.assert_close(embed(encoder, [text])["general"][0], expected)


@pytest.mark.parametrize("polarity_dimensions", [8, 32])
def test_the_vector_and_both_of_its_parts_have_unit_length(
    tiny_base: Path, polarity_dimensions: int
) -> None:
    module = unsettle(make(tiny_base, polarity_dimensions=polarity_dimensions))
    parts = embed(module, TEXTS)
    assert parts["polarity"].shape == (3, polarity_dimensions)
    assert parts["sentence_embedding"].shape == (3, module.get_embedding_dimension())
    for name in ("general", "polarity", "sentence_embedding"):
        torch.testing.assert_close(parts[name].norm(dim=1), torch.ones(3))


@pytest.mark.parametrize("weight", [0.1, 0.5, 0.9])
def test_the_dot_product_is_the_weighted_sum_of_both_cosines(
    tiny_base: Path, weight: float
) -> None:
    parts = embed(unsettle(make(tiny_base, negation_weight=weight)), TEXTS)
    general, polarity = (
        torch.nn.functional.cosine_similarity(parts[name][0], parts[name][1], dim=0)
        for name in ("general", "polarity")
    )
    assert abs(general - polarity) > 0.01
    first, second, _ = parts["sentence_embedding"]
    torch.testing.assert_close(first @ second, (1 - weight) * general + weight * polarity)


def test_a_gate_leads_each_text_from_one_weight_to_the_other(tiny_base: Path) -> None:
    even = embed(unsettle(make(tiny_base)), TEXTS)
    module = unlatch(unsettle(make(tiny_base, exclusion_weight=0.9)))
    parts = embed(module, TEXTS)
    for name in ("general", "polarity"):
        torch.testing.assert_close(parts[name], even[name], rtol=0, atol=0)
    both = torch.cat((parts["general"], parts["polarity"]), dim=1)
    logits = both @ module.gate.opening.weight[0] + module.gate.opening.bias
    weights = 0.3 + 0.6 / (1 + (-logits).exp())
    assert weights[0] < 0.4
    assert weights[1] > 0.8
    expected = torch.cat(
        (
            (1 - weights).sqrt()[:, None] * parts["general"],
            weights.sqrt()[:, None] * parts["polarity"],
        ),
        dim=1,
    )
    torch.testing.assert_close(parts["sentence_embedding"], expected)
    torch.testing.assert_close(parts["sentence_embedding"].norm(dim=1), torch.ones(3))


def test_a_gate_that_was_not_fitted_changes_no_vector(tiny_base: Path) -> None:
    even = embed(unsettle(make(tiny_base)), TEXTS)["sentence_embedding"]
    gated = embed(unsettle(make(tiny_base, exclusion_weight=0.9)), TEXTS)["sentence_embedding"]
    torch.testing.assert_close(gated, even, rtol=0, atol=1e-7)


def test_half_precision_keeps_a_gated_vector_at_unit_length(tiny_base: Path) -> None:
    module = unlatch(unsettle(make(tiny_base, exclusion_weight=0.9)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        vectors = embed(module, TEXTS)["sentence_embedding"]
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(3))


def test_there_is_a_gate_where_there_is_an_exclusion_weight_and_nowhere_else(
    tiny_base: Path,
) -> None:
    plain, gated = make(tiny_base), make(tiny_base, exclusion_weight=0.9)
    assert plain.get_config_dict()["exclusion_weight"] is None
    names = plain.state_dict().keys()
    assert gated.state_dict().keys() - names == {"gate.opening.weight", "gate.opening.bias"}
    gated.gate_exclusions(None)
    assert gated.state_dict().keys() == names


def test_no_step_moves_a_gate(tiny_base: Path) -> None:
    module = unlatch(unsettle(make(tiny_base, exclusion_weight=0.9)))
    before = module.gate.opening.weight.clone()
    take_a_step(module)
    assert torch.equal(module.gate.opening.weight, before)


def turning(base: Path) -> TwoPartEncoder:
    """An encoder whose gate is open for one of the texts, and turns it somewhere."""
    module = unlatch(unsettle(make(base, exclusion_weight=0.9, exclusion_turn=0.5)))
    torch.manual_seed(2)
    with torch.no_grad():
        for parameter in module.gate.direction.parameters():
            parameter.copy_(torch.randn_like(parameter))
    return module


def test_a_turn_moves_the_polarity_part_as_far_as_the_gate_is_open(tiny_base: Path) -> None:
    plain = embed(unsettle(make(tiny_base)), TEXTS)
    module = turning(tiny_base)
    parts = embed(module, TEXTS)
    torch.testing.assert_close(parts["general"], plain["general"], rtol=0, atol=0)
    both = torch.cat((plain["general"], plain["polarity"]), dim=1)
    opened = torch.sigmoid(module.gate.opening(both))
    towards = torch.nn.functional.normalize(module.gate.direction(both), dim=1)
    moved = plain["polarity"] + 0.5 * opened * towards
    torch.testing.assert_close(parts["polarity"], torch.nn.functional.normalize(moved, dim=1))
    along = (parts["polarity"] * plain["polarity"]).sum(dim=1)
    assert along[0] > 0.99 > along[1]
    torch.testing.assert_close(parts["sentence_embedding"].norm(dim=1), torch.ones(3))


def test_the_losses_see_the_polarity_part_before_its_turn(tiny_base: Path) -> None:
    plain, module = unsettle(make(tiny_base)), turning(tiny_base)
    for encoder in (plain, module):
        encoder.train()
        for layer in encoder.modules():
            if isinstance(layer, torch.nn.Dropout):
                layer.p = 0.0
    expected = embed(plain, TEXTS)["polarity"]
    torch.testing.assert_close(embed(module, TEXTS)["polarity"], expected, rtol=0, atol=0)


def test_padding_does_not_reach_the_vector(encoder: TwoPartEncoder) -> None:
    together = embed(encoder, TEXTS)["sentence_embedding"]
    alone = torch.cat([embed(encoder, [text])["sentence_embedding"] for text in TEXTS])
    torch.testing.assert_close(together, alone)


@pytest.mark.parametrize(
    ("polarity_dimensions", "trained"), [(32, {"polarity"}), (8, {"polarity", "projection"})]
)
def test_only_what_the_general_part_does_not_run_through_is_trained(
    tiny_base: Path, polarity_dimensions: int, trained: set[str]
) -> None:
    module = make(tiny_base, polarity_dimensions=polarity_dimensions)
    require = {
        name.partition(".")[0]
        for name, parameter in module.named_parameters()
        if parameter.requires_grad
    }
    assert require == trained
    take_a_step(module)
    moved = {
        name.partition(".")[0]
        for name, parameter in module.named_parameters()
        if parameter.grad is not None
    }
    assert moved == trained


def test_an_optimiser_step_moves_the_polarity_part_alone(encoder: TwoPartEncoder) -> None:
    before = embed(encoder, TEXTS)
    take_a_step(encoder)
    after = embed(encoder, TEXTS)
    assert torch.equal(after["general"], before["general"])
    assert not torch.allclose(after["polarity"], before["polarity"], atol=1e-3)


def test_training_mode_drops_out_of_the_polarity_part_alone(encoder: TwoPartEncoder) -> None:
    calm = embed(encoder, TEXTS)
    noisy = embed(encoder.train(), TEXTS)
    assert torch.equal(noisy["general"], calm["general"])
    assert not torch.allclose(noisy["polarity"], calm["polarity"], atol=1e-3)
    assert torch.equal(embed(encoder.eval(), TEXTS)["polarity"], calm["polarity"])


def test_layers_that_are_no_longer_shared_change_no_vector(encoder: TwoPartEncoder) -> None:
    before = embed(unsettle(encoder), TEXTS)
    encoder.unshare(0)
    for name, part in embed(encoder, TEXTS).items():
        torch.testing.assert_close(part, before[name], rtol=0, atol=0)
    assert len(encoder.shared) == 0
    assert len(encoder.polarity) == len(encoder.general)
    take_a_step(encoder)
    after = embed(encoder, TEXTS)
    torch.testing.assert_close(after["general"], before["general"], rtol=0, atol=0)
    assert not torch.equal(after["polarity"], before["polarity"])


def test_more_layers_than_are_shared_cannot_be(encoder: TwoPartEncoder) -> None:
    with pytest.raises(ValueError, match="shared_layers must be 0 to 1"):
        encoder.unshare(2)


def test_a_prompt_stands_before_the_text(encoder: TwoPartEncoder) -> None:
    prompted = encoder.preprocess(["pump leaks."], prompt="No ")
    assert torch.equal(prompted["input_ids"], encoder.preprocess(["No pump leaks."])["input_ids"])


def test_a_text_is_cut_at_the_longest_input(tiny_base: Path) -> None:
    module = make(tiny_base, max_seq_length=6)
    long = module.preprocess(["the pump leaks at night and the door is open"])
    assert long["input_ids"].shape == (1, 6)
    assert torch.equal(long["input_ids"], module.preprocess(["the pump leaks at"])["input_ids"])


@pytest.mark.parametrize("polarity_dimensions", [8, 32])
def test_a_saved_folder_gives_the_same_vectors(
    tiny_base: Path, tmp_path: Path, polarity_dimensions: int
) -> None:
    module = unsettle(make(tiny_base, polarity_dimensions=polarity_dimensions))
    module.save(str(tmp_path))
    loaded = TwoPartEncoder.load(str(tmp_path)).eval()
    assert loaded.get_config_dict() == module.get_config_dict()
    assert torch.equal(
        embed(loaded, TEXTS)["sentence_embedding"], embed(module, TEXTS)["sentence_embedding"]
    )
    assert not any(parameter.requires_grad for parameter in loaded.general.parameters())


def test_a_folder_carries_the_code_that_loads_it(
    model: SentenceTransformer, tmp_path: Path
) -> None:
    model.save(str(tmp_path))
    modules = [{"idx": 0, "name": "0", "path": "", "type": "two_part.TwoPartEncoder"}]
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    loaded = SentenceTransformer(str(tmp_path), trust_remote_code=True, device="cpu")
    assert not isinstance(loaded[0], TwoPartEncoder), "the folder's own copy of the class"
    assert loaded.get_embedding_dimension() == 64
    assert (loaded.encode(TEXTS) == model.encode(TEXTS)).all()


def test_a_gate_is_saved_with_the_encoder_and_loaded_by_the_folders_own_code(
    tiny_base: Path, tmp_path: Path
) -> None:
    module = turning(tiny_base)
    model = SentenceTransformer(modules=[module], device="cpu")
    model.save(str(tmp_path))
    assert TwoPartEncoder.load(str(tmp_path)).get_config_dict() == module.get_config_dict()
    modules = [{"idx": 0, "name": "0", "path": "", "type": "two_part.TwoPartEncoder"}]
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    loaded = SentenceTransformer(str(tmp_path), trust_remote_code=True, device="cpu")
    assert not isinstance(loaded[0], TwoPartEncoder), "the folder's own copy of the class"
    assert (loaded.encode(TEXTS) == model.encode(TEXTS)).all()


def test_a_folder_that_says_nothing_of_a_gate_has_none(
    encoder: TwoPartEncoder, tmp_path: Path
) -> None:
    encoder.save(str(tmp_path))
    path = tmp_path / "two_part_config.json"
    config = json.loads(path.read_text())
    del config["exclusion_weight"], config["exclusion_turn"]
    path.write_text(json.dumps(config))
    assert TwoPartEncoder.load(str(tmp_path)).gate is None


def test_half_precision_weights_are_widened(encoder: TwoPartEncoder, tmp_path: Path) -> None:
    encoder.save(str(tmp_path))
    storage.write_half(encoder.state_dict(), tmp_path)
    loaded = TwoPartEncoder.load(str(tmp_path)).eval()
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}
    cosines = torch.nn.functional.cosine_similarity(
        embed(loaded, TEXTS)["sentence_embedding"], embed(encoder, TEXTS)["sentence_embedding"]
    )
    assert cosines.min() > 0.9999
    assert cosines.max() < 1 + 1e-6


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shared_layers": -1}, "shared_layers must be 0 to 2"),
        ({"shared_layers": 3}, "shared_layers must be 0 to 2"),
        ({"negation_weight": 0.0}, "negation_weight"),
        ({"negation_weight": 1.0}, "negation_weight"),
        ({"negation_weight": float("nan")}, "negation_weight"),
        ({"exclusion_weight": 0.3}, "exclusion_weight must lie between negation_weight, 0.3, and"),
        ({"exclusion_weight": 1.0}, "exclusion_weight must lie between negation_weight, 0.3, and"),
        ({"exclusion_weight": float("nan")}, "exclusion_weight must lie between"),
        ({"exclusion_turn": 0.5}, "exclusion_turn is for an encoder with an exclusion_weight"),
        ({"exclusion_weight": 0.9, "exclusion_turn": -0.1}, "exclusion_turn must lie between"),
        ({"exclusion_weight": 0.9, "exclusion_turn": 1.1}, "exclusion_turn must lie between"),
    ],
)
def test_a_shape_that_cannot_be_is_refused(
    tiny_base: Path, settings: dict[str, float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make(tiny_base, **settings)

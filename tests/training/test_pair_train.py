"""A whole run of the pair trainer on a tiny encoder: what it leaves, and how it goes on."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from transformers import AutoTokenizer, DistilBertConfig, DistilBertModel

from training.pair import train
from training.pair.config import PairConfig, RankingKind
from training.pair.evaluation import Score
from training.pair.heads import PairHeadForSequenceClassification
from training.pair.model import build_model
from training.pair.relations import OUTPUTS
from training.run import best_checkpoint, history
from training.two_part import TwoPartEncoder

NEGATIVES = ("negative_1", "negative_2")


def weights(folder: Path) -> dict[str, torch.Tensor]:
    loaded: dict[str, torch.Tensor] = load_file(folder / "model.safetensors")
    return loaded


def same_weights(first: Path, second: Path) -> bool:
    left, right = weights(first), weights(second)
    return left.keys() == right.keys() and all(torch.equal(left[key], right[key]) for key in left)


def steps_measured(run: Path) -> list[int]:
    lines = (run / "eval/dev.jsonl").read_text().splitlines()
    return [json.loads(line)["step"] for line in lines]


def measure_as(patch: pytest.MonkeyPatch, joints: Iterable[float | None]) -> None:
    """Have the measurements come to these joint scores; at None the run is stopped."""
    real, values = train.PairEvaluator.measure, iter(joints)

    def measure(evaluator: train.PairEvaluator, outputs: Score) -> dict[str, float]:
        figures, joint = real(evaluator, outputs), next(values)
        if joint is None:
            raise KeyboardInterrupt
        return {**figures, "joint": joint}

    patch.setattr(train.PairEvaluator, "measure", measure)


@pytest.fixture(scope="module")
def whole_experiment(pair_experiment: PairConfig) -> PairConfig:
    """Four steps, of which the second and the last are measured, with a head on the tokens."""
    shares = {"groups": 0.5, "inference": 0.5}
    relevance = {
        "twins": RankingKind(share=0.25, rows=2),
        "crossed": RankingKind(share=0.25, rows=2),
    }
    return replace(
        pair_experiment, name="whole", shares=shares, relevance=relevance, head="alignment"
    )


@pytest.fixture(scope="module")
def whole(whole_experiment: PairConfig) -> Path:
    """The folder of that run, which was never stopped and whose first checkpoint was better."""
    with pytest.MonkeyPatch.context() as patch:
        measure_as(patch, (0.5, 0.4))
        return train.main(whole_experiment).parent


def test_a_run_says_which_checkpoint_it_chose(whole: Path) -> None:
    assert json.loads((whole / "train.json").read_text()) == {"best_joint": 0.5, "best_step": 2}
    assert steps_measured(whole) == [2, 4]
    best = best_checkpoint(whole)
    assert same_weights(best, whole / "checkpoint-2")
    assert not same_weights(best, whole / "checkpoint-4")


def test_a_run_that_was_stopped_ends_as_one_that_was_not(
    whole: Path, whole_experiment: PairConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = replace(whole_experiment, name="stopped")
    measure_as(monkeypatch, (0.5, None, 0.4))
    with pytest.raises(KeyboardInterrupt):
        train.main(stopped)
    assert not (stopped.folder / "train.json").exists()
    assert (stopped.folder / "checkpoint-2").exists()
    train.main(stopped)
    for name in ("best", "checkpoint-4"):
        assert same_weights(stopped.folder / name, whole / name)
    for name in ("train.json", "eval/dev.jsonl"):
        assert (stopped.folder / name).read_bytes() == (whole / name).read_bytes()


def test_a_second_call_trains_nothing_anew(
    whole: Path, whole_experiment: PairConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure_as(monkeypatch, ())
    names = ("best/model.safetensors", "train.json", "eval/dev.jsonl", "config.json")
    before = [(whole / name).read_bytes() for name in names]
    assert train.main(whole_experiment) == whole / "best"
    assert [(whole / name).read_bytes() for name in names] == before


def test_a_run_of_no_steps_measures_the_mean_of_those_that_it_starts_from(
    whole: Path, whole_experiment: PairConfig
) -> None:
    starts = [whole / "checkpoint-2", whole / "checkpoint-4"]
    mean = replace(
        whole_experiment, name="mean", steps=0, relevance={}, start=[str(path) for path in starts]
    )
    found = weights(train.main(mean))
    first, second = map(weights, starts)
    assert found.keys() == first.keys()
    for name, weight in found.items():
        torch.testing.assert_close(weight, (first[name] + second[name]) / 2)
    summary = json.loads((mean.folder / "train.json").read_text())
    assert summary["best_step"] == 0
    assert steps_measured(mean.folder) == [0]


def test_the_history_of_a_run_begins_with_those_that_it_goes_on_from(
    whole: Path, whole_experiment: PairConfig, tmp_path: Path
) -> None:
    best = str(whole / "best")
    later = replace(whole_experiment, name="later", runs=tmp_path, start=[best, best])
    train.pin_configuration(later, later.folder)
    (later.folder / "eval").mkdir()
    (later.folder / "eval/dev.jsonl").write_text('{"step": 1}\n')
    assert [entry["config"]["name"] for entry in history(later.folder)] == ["whole", "later"]


def test_a_source_can_be_ranked_without_the_cosine(pair_experiment: PairConfig) -> None:
    relevance = {
        "twins": RankingKind(share=0.5, rows=2, alone=True),
        "exclusions": RankingKind(share=0.5, rows=2),
    }
    drawn = train.draw_rankings(replace(pair_experiment, relevance=relevance, similarity_scale=9.0))
    assert drawn["twins"].column_names == ["query", "positive", NEGATIVES[0]]
    assert drawn["exclusions"].column_names == ["query", "positive", *NEGATIVES, "label"]


def test_a_checkpoint_without_a_head_on_the_tokens_gets_one(
    judge: Path, pair_experiment: PairConfig
) -> None:
    model = build_model(replace(pair_experiment, start=[str(judge)], head="segments")).model
    assert isinstance(model, PairHeadForSequenceClassification)
    assert model.config.head == "segments"
    assert tuple(model.config.id2label.values()) == OUTPUTS
    body = {name: weight for name, weight in weights(judge).items() if name.startswith("bert.")}
    state = model.state_dict()
    assert all(torch.equal(state[name], weight) for name, weight in body.items())
    frozen = {name.split(".")[1] for name, w in model.named_parameters() if not w.requires_grad}
    assert frozen == {"embeddings"}


@pytest.mark.parametrize("head", ["cls", "segments"])
def test_a_checkpoint_with_another_head_is_refused(
    head: str, whole: Path, whole_experiment: PairConfig
) -> None:
    config = replace(whole_experiment, start=[str(whole / "best")], head=head)
    with pytest.raises(ValueError, match=f"whole/best has the head 'alignment', not '{head}'"):
        build_model(config)


def test_of_a_two_part_encoder_a_run_starts_from_the_polarity_part(
    encoder: TwoPartEncoder, pair_experiment: PairConfig, tmp_path: Path
) -> None:
    with torch.no_grad():
        for weight in encoder.polarity.parameters():
            weight.add_(0.1)
    SentenceTransformer(modules=[encoder], device="cpu").save(str(tmp_path))
    model = build_model(replace(pair_experiment, start=[str(tmp_path)])).model
    found = [layer.state_dict() for layer in model.bert.encoder.layer]
    expected = [layer.state_dict() for layer in (*encoder.shared, *encoder.polarity)]
    for left, right in zip(found, expected, strict=True):
        torch.testing.assert_close(left, right)
    torch.testing.assert_close(
        model.bert.embeddings.word_embeddings.weight, encoder.embeddings.word_embeddings.weight
    )


def test_an_encoder_that_is_no_bert_has_no_such_head(
    pair_experiment: PairConfig, tiny_distilbert: str
) -> None:
    config = replace(pair_experiment, base=tiny_distilbert, head="segments")
    with pytest.raises(ValueError, match="is no BERT, which head = 'segments' needs"):
        build_model(config)


@pytest.fixture
def tiny_distilbert(tiny_base: Path, tmp_path: Path) -> str:
    config = DistilBertConfig(vocab_size=60, dim=16, n_layers=1, n_heads=2, hidden_dim=16)
    DistilBertModel(config).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny_base).save_pretrained(tmp_path)
    return str(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"head": "tokens"}, r"head: unknown name\(s\) tokens"),
        ({"objective": "focal"}, r"objective: unknown name\(s\) focal"),
        ({"relevance": {"twin": RankingKind(0.5, 2)}}, r"relevance: unknown name\(s\) twin"),
        (
            {"relevance": {"claims": RankingKind(0.5, 2, latest=9)}},
            "relevance.claims: latest is for twins, exclusions, crossed alone",
        ),
        (
            {"relevance": {"twins": RankingKind(0.5, 2, latest=-1)}},
            "relevance.twins: latest must be 0 or more, not -1",
        ),
        (
            {"relevance": {"twins": RankingKind(0.5, 2, around=1)}},
            "relevance.twins: cropped and around are for crossed alone",
        ),
        (
            {"relevance": {"crossed": RankingKind(0.5, 2, far=1)}},
            "relevance.crossed: no passages can be looked up beside these",
        ),
    ],
)
def test_an_unknown_name_is_refused_before_the_folder_is_taken(
    changes: dict[str, Any], message: str, pair_experiment: PairConfig
) -> None:
    config = replace(pair_experiment, name="misspelt", **changes)
    with pytest.raises(ValueError, match=message):
        train.main(config)
    assert not config.folder.exists()

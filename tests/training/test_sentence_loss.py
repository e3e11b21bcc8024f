"""A passage and its sentences: the rows, what their loss asks for, and what it teaches."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from random import Random

import pytest
import torch
from guides import learn, polarity, tokenized
from sentence_transformers import SentenceTransformer
from torch.nn.functional import cosine_similarity, normalize

from training import corpus, train
from training.config import ExperimentConfig, Kind
from training.losses.base import DISTANCE_SCALE
from training.losses.sentences import SentenceLoss
from training.sentence_rows import SENTENCES, sentence_row, sentence_rows

ROWS = [
    ["The pump is open. It never leaks. No train is late.", "A lamp burns. It is old. It is loud."],
    ["The pump is open.", "A lamp burns."],
    ["It never leaks.", "It is old."],
    ["No train is late.", "It is loud."],
]


@pytest.fixture
def loss(experiment: ExperimentConfig, model: SentenceTransformer) -> SentenceLoss:
    training = replace(experiment.training, kinds={"sentences": Kind(1.0, 2)})
    config = replace(experiment, training=training)
    found = train.build_losses(config, model, ["sentences"])["sentences"]
    assert isinstance(found, SentenceLoss)
    return found


@pytest.mark.usefixtures("no_public_data")
def test_a_row_is_a_passage_of_some_sentences_that_follow_each_other() -> None:
    whole = {text for row in corpus.contrasts("train") for text in (row.doc_a, row.doc_b)}
    for row in islice(sentence_rows(Random(0)), 50):
        passage, *sentences = row.values()
        assert len(sentences) == SENTENCES
        assert passage == " ".join(map(str, sentences))
        assert any(str(sentences[0]) in text and str(sentences[-1]) in text for text in whole)


def test_a_short_passage_makes_no_row() -> None:
    assert sentence_row("It is old. " * (SENTENCES - 1), Random(0)) is None
    assert sentence_row("It is old. " * SENTENCES, Random(0)) is not None


def test_the_latest_contrasts_alone_can_be_asked_for() -> None:
    (row,) = corpus.contrasts("train")[-1:]
    for found in islice(sentence_rows(Random(0), 1), 0, 6, 2):
        assert str(found["sentence_1"]) in row.doc_a + row.doc_b


def test_the_passage_is_held_against_half_of_itself_and_half_of_its_sentences(
    loss: SentenceLoss, model: SentenceTransformer
) -> None:
    with torch.no_grad():
        passage, *sentences = (polarity(model, texts) for texts in ROWS)
        mean = normalize(torch.stack(sentences).mean(dim=0), dim=1)
        gap = (1 - cosine_similarity(passage, passage + mean)).mean()
        found = loss(tokenized(model, ROWS), None)
    assert found.item() == pytest.approx(DISTANCE_SCALE * gap.item(), rel=1e-4)
    assert found.item() > 0


def test_a_passage_moves_to_its_sentences_while_the_guide_stays_as_it_was(
    loss: SentenceLoss, model: SentenceTransformer
) -> None:
    with torch.no_grad():
        mean = torch.stack([polarity(model, texts) for texts in ROWS[1:]]).mean(dim=0)
        before = cosine_similarity(polarity(model, ROWS[0]), mean)
    losses = learn(loss, model, ROWS)
    assert losses[-1] < 0.5 * losses[0]
    assert (cosine_similarity(polarity(model, ROWS[0]), mean) > before).all()

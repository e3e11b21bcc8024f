"""The gate's classifier: what it is fitted to, and what it tells apart."""

from __future__ import annotations

from random import Random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from training import corpus, exclusion_gate, gating, public, turning
from training.evaluation.encoding import Vectors, unit
from training.exclusion_gate import ExclusionGate
from training.gating import draw_texts, fit_gate, open_for
from training.turning import fit_direction

NEGATION_WEIGHT, EXCLUSION_WEIGHT = 0.3, 0.9


def about(direction: int, count: int = 200) -> Vectors:
    """Unit vectors, most of whose length lies in one dimension of eight."""
    rows = np.random.default_rng(direction).normal(size=(count, 8)) * 0.3
    rows[:, direction] += 1
    return unit(rows).astype(np.float32)


def opened(gate: ExclusionGate, rows: Vectors) -> Vectors:
    general, polarity = torch.from_numpy(rows).split(4, dim=1)
    share: Vectors = gate.opened(general, polarity)[:, 0].numpy()
    return share


@pytest.fixture
def gated(model: SentenceTransformer) -> SentenceTransformer:
    model[0].gate_exclusions(EXCLUSION_WEIGHT)
    return model


def test_a_gate_is_closed_until_it_is_fitted() -> None:
    assert opened(ExclusionGate(4, 4, EXCLUSION_WEIGHT), about(0)).max() < 1e-6


def test_a_fitted_gate_is_open_for_exclusions_and_closed_for_others() -> None:
    gate = ExclusionGate(4, 4, EXCLUSION_WEIGHT)
    open_for(gate, about(0), np.vstack((about(1), about(2))))
    assert (opened(gate, about(0)) > 0.5).mean() > 0.95
    for others in (about(1), about(2)):
        assert (opened(gate, others) < 0.5).mean() > 0.95
    assert not any(weight.requires_grad for weight in gate.parameters())


def test_the_texts_are_of_the_train_split_and_inclusions_are_no_exclusions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gating, "PLAIN_SETS", ())
    excluding, others = draw_texts(Random(1))
    twins = {row.query_a for row in corpus.twins() if row.excludes}
    assert len(excluding) == gating.EXCLUDING + len(twins)
    assert len(others) == 9 * gating.OTHERS
    queries = {row.query for row in corpus.exclusions("train")}
    queries |= {row.query_a for row in corpus.twins() if row.excludes}
    assert {*excluding} <= queries
    assert not {*others} & {row.query for row in corpus.exclusions("train")}
    inclusions = {row.inclusion for row in corpus.exclusions("train")}
    assert len({*others} & inclusions) >= gating.OTHERS
    unseen = {row.query for row in corpus.exclusions("dev")}
    unseen |= {text for row in corpus.exclusions("dev") for text in (*row.relevant, *row.violating)}
    assert not unseen & {*excluding, *others}


def test_texts_of_public_sets_are_among_the_others_where_they_are_there() -> None:
    questions = {row["query"] for row in public.load("medquad/train_pairs")}
    _, others = draw_texts(Random(1))
    assert questions
    assert questions <= {*others}


@pytest.mark.usefixtures("no_public_data")
def test_without_public_sets_the_corpus_is_all_there_is() -> None:
    assert len(draw_texts(Random(1))[1]) == 9 * gating.OTHERS


def test_a_seed_draws_the_same_texts() -> None:
    assert draw_texts(Random(1)) == draw_texts(Random(1))
    assert draw_texts(Random(1)) != draw_texts(Random(2))


def test_an_encoder_is_fitted_by_both_parts_whatever_its_gate_was(
    gated: SentenceTransformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["The pump runs without a valve."] * 50, ["The pump runs with a valve."] * 50
    monkeypatch.setattr(gating, "draw_texts", lambda _: texts)
    fit_gate(gated, 0)
    first = gated[0].gate.opening.weight.clone()
    fit_gate(gated, 0)
    torch.testing.assert_close(gated[0].gate.opening.weight, first, rtol=1e-3, atol=1e-4)
    excluding, other = gated.encode([texts[0][0], texts[1][0]])
    weights = [(vector[32:] ** 2).sum() for vector in (excluding, other)]
    assert NEGATION_WEIGHT < weights[1] < 0.6 < weights[0] < EXCLUSION_WEIGHT


def test_the_corpus_teaches_even_an_untrained_encoder_some_of_it(
    gated: SentenceTransformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gating, "EXCLUDING", 150)
    monkeypatch.setattr(gating, "OTHERS", 40)
    fit_gate(gated, 3)
    asked = [row.query for row in corpus.exclusions("dev")]
    told = [row.doc_a for row in corpus.contrasts("dev")]
    weights = [np.square(gated.encode(texts)[:, 32:]).sum(axis=1).mean() for texts in (asked, told)]
    assert weights[0] > weights[1] + 0.05


def test_a_turn_foretells_directions_that_depend_on_the_query() -> None:
    gate = ExclusionGate(4, 4, EXCLUSION_WEIGHT, turn=0.5)
    rng = np.random.default_rng(0)
    queries, unseen = np.vstack((about(0), about(1))), about(0, 20)
    matrix = rng.normal(size=(8, 4))

    def wanted(rows: Vectors) -> Vectors:
        return unit(rows @ matrix).astype(np.float32)

    fit_direction(gate, queries, wanted(queries))
    found = gate.direction(torch.from_numpy(unseen)).numpy()
    assert (unit(found) * wanted(unseen)).sum(axis=1).mean() > 0.9
    assert not any(weight.requires_grad for weight in gate.parameters())


def test_a_turn_of_fewer_axes_keeps_those_that_matter_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exclusion_gate, "RANK", 1)
    gate = ExclusionGate(4, 4, EXCLUSION_WEIGHT, turn=0.5)
    queries = np.random.default_rng(3).normal(size=(500, 8)).astype(np.float32)
    directions = np.zeros((500, 4), dtype=np.float32)
    directions[:, 2] = 2 * queries[:, 5]
    directions[:, 3] = 0.1 * queries[:, 6] + 1
    fit_direction(gate, queries, directions)
    found = gate.direction(torch.from_numpy(queries)).numpy()
    assert np.corrcoef(found[:, 2], directions[:, 2])[0, 1] > 0.999
    assert found[:, 3] == pytest.approx(np.ones(500), abs=0.05)


def test_a_gates_turn_is_fitted_to_where_the_train_passages_lie(
    model: SentenceTransformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = corpus.exclusions("train")[:300]
    monkeypatch.setattr(turning, "corpus", SimpleNamespace(exclusions=lambda split: rows))
    monkeypatch.setattr(turning, "RIDGE", 1e-3)
    monkeypatch.setattr(gating, "draw_texts", lambda _: ([rows[0].query], [rows[0].relevant[0]]))
    model[0].gate_exclusions(EXCLUSION_WEIGHT, 0.5)
    fit_gate(model, 0)
    encode = gating.parts_of(model)
    general, polarity = (torch.from_numpy(part) for part in encode([row.query for row in rows]))
    towards = model[0].gate.direction(torch.cat((general, polarity), dim=1)).numpy()
    sides = [
        turning.mean_of([getattr(row, side)[:2] for row in rows], encode)
        for side in ("relevant", "violating")
    ]
    gained = (unit(towards) * (sides[0] - sides[1])).sum(axis=1)
    assert (gained > 0).mean() > 0.75


def test_an_encoder_without_a_gate_stays_as_it_is(
    model: SentenceTransformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gating, "draw_texts", lambda _: pytest.fail("nothing is to be drawn"))
    before = {name: weight.clone() for name, weight in model[0].state_dict().items()}
    fit_gate(model, 0)
    assert model[0].gate is None
    assert all(torch.equal(before[name], now) for name, now in model[0].state_dict().items())

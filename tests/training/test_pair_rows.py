"""The discriminator's pairs, the relations that they may have, and the loss on these."""

from __future__ import annotations

import math
from collections import Counter
from itertools import islice, product
from random import Random

import pytest
import torch

from training import corpus
from training.pair import relations, rows
from training.pair.loss import balanced_weights, dice_loss, partial_label_loss
from training.pair.relations import CONTRADICTION, EQUIVALENCE, HEDGE, NEUTRAL, POSSIBLE, RELATIONS
from training.pair.rows import SOURCES, Pair

ALL = EQUIVALENCE | CONTRADICTION | HEDGE | NEUTRAL
BUNDLED = ("groups", "strangers", "noise", "passages", "embedded", "repeats")
PUBLIC = tuple(source for source in SOURCES if source not in BUNDLED)


@pytest.mark.parametrize("index", range(4))
def test_a_relation_is_the_bit_of_its_place(index: int) -> None:
    assert getattr(relations, RELATIONS[index].upper()) == 1 << index


@pytest.mark.parametrize("label", POSSIBLE)
def test_every_foreign_label_leaves_some_relation_possible_but_not_all(label: str) -> None:
    assert 0 < POSSIBLE[label] < ALL


@pytest.mark.parametrize(
    ("label", "possible"),
    [
        ("entailment", {"equivalence", "neutral"}),
        ("neutral", {"hedge", "neutral"}),
        ("contradiction", {"contradiction"}),
        ("same", {"equivalence"}),
        ("negated", {"contradiction"}),
        ("different", {"contradiction", "neutral"}),
    ],
)
def test_a_foreign_label_leaves_the_relations_that_it_does_not_rule_out(
    label: str, possible: set[str]
) -> None:
    names = {name for index, name in enumerate(RELATIONS) if POSSIBLE[label] >> index & 1}
    assert names == possible


def logits(seed: int = 0) -> torch.Tensor:
    return 3 * torch.randn(6, 4, generator=torch.Generator().manual_seed(seed))


def test_with_one_possible_relation_the_loss_is_cross_entropy() -> None:
    targets = torch.tensor([0, 1, 2, 3, 1, 0])
    torch.testing.assert_close(
        partial_label_loss(logits(), 1 << targets),
        torch.nn.functional.cross_entropy(logits(), targets),
    )


def test_with_all_relations_possible_the_loss_is_nothing() -> None:
    scores = logits().requires_grad_()
    loss = partial_label_loss(scores, torch.full((6,), ALL))
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert scores.grad.abs().max() < 1e-6


def test_the_loss_is_the_likelihood_of_the_set() -> None:
    probabilities = torch.softmax(logits()[:1], dim=1)[0]
    loss = partial_label_loss(logits()[:1], torch.tensor([EQUIVALENCE | NEUTRAL]))
    assert loss.item() == pytest.approx(-math.log(probabilities[0] + probabilities[3]), rel=1e-5)


def test_the_loss_prefers_none_of_the_possible_relations() -> None:
    scores = torch.zeros(1, 4, requires_grad=True)
    partial_label_loss(scores, torch.tensor([NEUTRAL | HEDGE])).backward()
    equivalence, contradiction, hedge, neutral = scores.grad[0]
    assert hedge == neutral < 0 < equivalence == contradiction


def test_the_loss_is_finite_where_the_answer_is_far_off() -> None:
    scores = torch.tensor([[-80.0, 80.0, 0.0, 0.0]], requires_grad=True)
    loss = partial_label_loss(scores, torch.tensor([EQUIVALENCE]))
    loss.backward()
    assert loss.item() == pytest.approx(160)
    assert torch.isfinite(scores.grad).all()


def test_weights_make_a_row_count_for_more() -> None:
    masks = torch.tensor([EQUIVALENCE, NEUTRAL, NEUTRAL | HEDGE])
    weights = torch.tensor([3.0, 1.0, 2.0, 0.5])
    each = [partial_label_loss(logits()[i : i + 1], masks[i : i + 1]) for i in range(3)]
    expected = (3.0 * each[0] + 0.5 * each[1] + 1.25 * each[2]) / 4.75
    torch.testing.assert_close(partial_label_loss(logits()[:3], masks, weights), expected)


def test_balanced_weights_are_inverse_to_the_share_of_a_relation() -> None:
    weights = balanced_weights(
        torch.tensor([EQUIVALENCE, CONTRADICTION, CONTRADICTION, HEDGE | NEUTRAL])
    )
    shares = torch.tensor([0.25, 0.5, 0.125, 0.125])
    torch.testing.assert_close(weights, (1 / shares) / (1 / shares).mean())


def test_dice_costs_nothing_where_all_is_sure_and_right() -> None:
    masks = torch.tensor([EQUIVALENCE, CONTRADICTION, HEDGE, NEUTRAL, NEUTRAL | HEDGE])
    right = torch.tensor([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 1, 1]])
    assert dice_loss(40.0 * right, masks).item() == pytest.approx(0, abs=1e-5)
    assert dice_loss(-40.0 * right, masks).item() > 1


def test_dice_is_one_relation_against_the_rest_over_the_rows_that_settle_it() -> None:
    masks = torch.tensor([EQUIVALENCE, EQUIVALENCE | NEUTRAL])
    p, q = torch.softmax(logits()[:2], dim=1).tolist()
    overlaps = [2 * p[0] + 1, 1, 1, 1]
    totals = [p[0] + 1 + 1, p[1] + q[1] + 1, p[2] + q[2] + 1, p[3] + 1]
    expected = sum(1 - over / total for over, total in zip(overlaps, totals, strict=True))
    assert dice_loss(logits()[:2], masks).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("source", SOURCES)
def test_the_seed_decides_the_pairs(source: str) -> None:
    drawn = rows.draw({source: 1.0}, 30, seed=1)
    assert drawn == rows.draw({source: 1.0}, 30, seed=1)
    assert not drawn or drawn != rows.draw({source: 1.0}, 30, seed=2)


def test_every_source_gives_its_share_and_they_come_mixed() -> None:
    shares = {"groups": 0.5, "inference": 0.3, "cannot": 0.2}
    drawn = rows.draw(shares, 200, seed=1)
    alone = {
        source: Counter(rows.draw({source: share}, 200, seed=1)) for source, share in shares.items()
    }
    assert [sum(pairs.values()) for pairs in alone.values()] == [100, 60, 40]
    assert Counter(drawn) == sum(alone.values(), Counter())
    first_half = sum((Counter([pair]) & alone["groups"]).total() for pair in drawn[:100])
    assert 30 < first_half < 70


def test_a_share_of_an_unknown_source_is_refused() -> None:
    with pytest.raises(KeyError, match="grups"):
        rows.draw({"grups": 1.0}, 10, seed=1)


@pytest.mark.usefixtures("no_public_data")
def test_without_public_data_the_distilled_sources_are_left() -> None:
    assert all(rows.draw({source: 1.0}, 10, seed=1) == [] for source in PUBLIC)
    shares = dict.fromkeys(BUNDLED, 0.25) | {"inference": 0.25}
    assert len(rows.draw(shares, 20, seed=1)) == 5 * len(BUNDLED)


@pytest.fixture(scope="module")
def truth() -> dict[frozenset[str], int]:
    """The relation of each pair of texts that a training group knows."""
    known: dict[frozenset[str], int] = {}
    for group in corpus.groups("train"):
        same = (group.anchor, *group.same)
        sides = (same, group.negated, group.hedged, group.neutral)
        for (index, texts), member in product(enumerate(sides), same):
            known |= {frozenset((member, text)): 1 << index for text in texts}
    return known


def test_group_pairs_have_the_relation_that_the_group_says(
    truth: dict[frozenset[str], int],
) -> None:
    drawn = rows.draw({"groups": 1.0}, 1200, seed=1)
    assert all(truth[frozenset((pair.a, pair.b))] == pair.label for pair in drawn)
    assert Counter(pair.label for pair in drawn) == {
        EQUIVALENCE: 400,
        CONTRADICTION: 400,
        HEDGE: 200,
        NEUTRAL: 200,
    }


def test_group_pairs_within_a_passage_keep_their_relation(
    truth: dict[frozenset[str], int],
) -> None:
    texts = {text for pair in truth for text in pair}
    drawn = list(islice(SOURCES["embedded"](Random(0)), 25))
    assert {pair.label for pair in drawn} == {EQUIVALENCE, CONTRADICTION, HEDGE, NEUTRAL}
    for pair in drawn:
        inside = product(*([text for text in texts if text in side] for side in (pair.a, pair.b)))
        found = [(a, b) for a, b in inside if truth.get(frozenset((a, b))) == pair.label]
        # What is around the two texts is the same.
        assert any(pair.a.replace(a, "") == pair.b.replace(b, "") != "" for a, b in found)


def test_pairs_are_swapped_half_of_the_time() -> None:
    pair = Pair("It leaks.", "It may leak.", HEDGE)
    rng = Random(0)
    drawn = Counter(rows.either_way(pair, rng) for _ in range(400))
    assert drawn.keys() == {pair, Pair(pair.b, pair.a, HEDGE)}
    assert min(drawn.values()) > 150


def length(pair: Pair) -> int:
    return len(pair.a) + len(pair.b)


def test_batches_hold_pairs_of_like_length_and_come_mixed() -> None:
    drawn = rows.draw({"groups": 0.7, "passages": 0.3}, 203, seed=1)
    ordered = rows.batched_by_length(drawn, 10, seed=1)
    assert Counter(ordered) == Counter(drawn)
    assert ordered == rows.batched_by_length(drawn, 10, seed=1)

    def spread(pairs: list[Pair]) -> float:
        batches = [pairs[start : start + 10] for start in range(0, 200, 10)]
        lengths = [[length(pair) for pair in batch] for batch in batches]
        return sum(max(batch) / min(batch) for batch in lengths) / len(lengths)

    assert spread(drawn) > 8
    assert spread(ordered) < 2
    firsts = [length(pair) for pair in ordered[:200:10]]
    assert firsts not in (sorted(firsts), sorted(firsts, reverse=True))


def test_passage_pairs_are_twins_that_contradict_and_strangers_that_do_not() -> None:
    twins = {row.doc_a: row.doc_b for row in corpus.contrasts("train")}
    for pair in islice(SOURCES["passages"](Random(0)), 100):
        assert (twins[pair.a] == pair.b) == (pair.label == CONTRADICTION)
        assert pair.label in {CONTRADICTION, NEUTRAL}


def test_a_public_source_gives_every_set_of_relations_equally_often() -> None:
    drawn = rows.draw({"inference": 1.0}, 90, seed=1)
    assert Counter(pair.label for pair in drawn) == {
        POSSIBLE["entailment"]: 30,
        POSSIBLE["neutral"]: 30,
        POSSIBLE["contradiction"]: 30,
    }


def test_strangers_come_from_two_groups_and_are_neutral() -> None:
    group_of = {
        text: number
        for number, group in enumerate(corpus.groups("train"))
        for texts in ((group.anchor,), group.same, group.negated, group.hedged, group.neutral)
        for text in texts
    }
    for pair in islice(SOURCES["strangers"](Random(2)), 200):
        assert pair.label == NEUTRAL
        assert group_of[pair.a] != group_of[pair.b]


def test_noise_is_neutral_beside_a_text_and_beside_other_noise() -> None:
    known = {text for group in corpus.groups("train") for text in (group.anchor, *group.same)}
    drawn = list(islice(SOURCES["noise"](Random(0)), 300))
    beside_texts = sum(pair.a in known for pair in drawn)
    assert 200 < beside_texts < 300
    for pair in drawn:
        assert pair.label == NEUTRAL
        assert pair.b.strip()
        assert pair.b not in known


def test_a_repeated_text_says_the_same_from_one_word_to_a_passage() -> None:
    drawn = list(islice(SOURCES["repeats"](Random(0)), 300))
    for pair in drawn:
        assert pair.label == EQUIVALENCE
        assert pair.a.strip()
        assert pair.a.lower().rstrip(".") == pair.b.lower().rstrip(".")
    assert sum(pair.a != pair.b for pair in drawn) > 50
    lengths = [len(pair.a.split()) for pair in drawn]
    assert lengths.count(1) > 30
    assert max(lengths) > 40


def test_the_dev_groups_are_parted_between_calibration_and_report() -> None:
    halves = rows.dev_pairs("calibration"), rows.dev_pairs("report")
    anchors = [{anchor for anchor, _, _ in half} for half in halves]
    assert not anchors[0] & anchors[1]
    assert sorted([*halves[0], *halves[1]]) == sorted(rows.dev_pairs())


def test_dev_pairs_are_the_anchors_with_every_text_of_their_groups() -> None:
    pairs = rows.dev_pairs()
    groups = corpus.groups("dev")
    assert Counter(RELATIONS[relation] for _, _, relation in pairs) == {
        "equivalence": sum(len(group.same) for group in groups),
        "contradiction": sum(len(group.negated) for group in groups),
        "hedge": sum(len(group.hedged) for group in groups),
        "neutral": sum(len(group.neutral) for group in groups),
    }
    assert {anchor for anchor, _, _ in pairs} == {group.anchor for group in groups}


def test_batches_hold_pairs_of_like_length_and_no_pair_is_lost() -> None:
    pairs = [Pair("a" * length, "b", NEUTRAL) for length in range(1, 104)]
    Random(5).shuffle(pairs)
    ordered = rows.batched_by_length(pairs, rows=10, seed=5)
    assert sorted(ordered, key=lambda pair: len(pair.a)) == sorted(
        pairs, key=lambda pair: len(pair.a)
    )
    batches = [ordered[start : start + 10] for start in range(0, 103, 10)]
    assert [len(batch) for batch in batches] == [10] * 10 + [3]
    assert all(len(batch[-1].a) - len(batch[0].a) < 10 for batch in batches)
    assert batches != sorted(batches, key=lambda batch: len(batch[0].a))

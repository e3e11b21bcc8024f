"""The discriminator's figures and its calibration, on logits whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import softmax

from training.pair import evaluation
from training.pair.evaluation import Logits
from training.pair.relations import RELATIONS
from training.pair.scaling import Scaling, fit_scaling

Relations = NDArray[np.int64]


def calibrated(count: int = 20000, seed: int = 0) -> tuple[Logits, Relations]:
    """Logits, and relations drawn from exactly the probabilities that these give."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=1.5, size=(count, 4)).astype(np.float32)
    below = softmax(logits, axis=1).cumsum(axis=1) < rng.uniform(size=(count, 1))
    return logits, below.sum(axis=1).clip(max=3)


def one_hot(guesses: Sequence[int]) -> Logits:
    return (5 * np.eye(4)[list(guesses)]).astype(np.float32)


def test_the_judgement_of_a_pair_and_of_its_swap_are_the_same_exactly() -> None:
    def score(pairs: Sequence[tuple[str, str]]) -> Logits:
        numbers = [[len(a) / 3, len(b) / 7, len(a) * len(b) / 11, 0.1] for a, b in pairs]
        return np.array(numbers, dtype=np.float32)

    pairs = [("It leaks.", "It may leak."), ("No", "Not at all"), ("Never", "Ever")]
    swapped = [(b, a) for a, b in pairs]
    assert not np.array_equal(score(pairs), score(swapped))
    judged = evaluation.both_orders(score)
    np.testing.assert_array_equal(judged(pairs), judged(swapped))
    np.testing.assert_allclose(judged(pairs), (score(pairs) + score(swapped)) / 2)
    assert judged(pairs).dtype == np.float32


def test_macro_f1_is_the_mean_over_the_relations() -> None:
    # One text of each relation, two of contradiction; neutral is never guessed, and the others
    # each have one right answer and one wrong one.
    figures = evaluation.relation_figures(one_hot([0, 0, 1, 2, 2]), np.array([0, 1, 1, 2, 3]))
    assert figures == pytest.approx(
        {
            "f1_equivalence": 2 / 3,
            "f1_contradiction": 2 / 3,
            "f1_hedge": 2 / 3,
            "f1_neutral": 0.0,
            "macro_f1": 0.5,
        }
    )


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
@pytest.mark.parametrize("biases", [(0.0, 0.0, 0.0, 0.0), (1.0, -0.5, 0.0, -0.5)])
def test_a_scaling_is_found_again(temperature: float, biases: tuple[float, ...]) -> None:
    logits, relations = calibrated()
    unscaled = ((logits - np.array(biases)) * temperature).astype(np.float32)
    found = fit_scaling(unscaled, relations)
    assert found.temperature == pytest.approx(temperature, rel=0.03)
    assert found.biases == pytest.approx(biases, abs=0.1)
    assert Scaling(temperature, biases).apply(unscaled) == pytest.approx(logits, abs=1e-5)


def test_calibrated_logits_have_hardly_any_calibration_error() -> None:
    logits, relations = calibrated()
    assert evaluation.expected_calibration_error(logits, relations) < 0.01
    assert evaluation.expected_calibration_error(4 * logits, relations) > 0.15


def test_a_scaling_can_be_undone() -> None:
    logits, _ = calibrated(100)
    scaling = Scaling(1.7, (1.0, -0.5, 0.25, -0.75))
    np.testing.assert_allclose(scaling.undo(scaling.apply(logits)), logits, atol=1e-5)


def test_the_bins_of_confidence_hold_all_answers() -> None:
    logits, relations = calibrated()
    bins = evaluation.reliability(logits, relations)
    assert bins.share.sum() == pytest.approx(1)
    assert bins.confidence == pytest.approx(bins.right, abs=0.05)
    assert np.all(np.diff(bins.confidence) > 0)


def test_the_calibration_error_is_the_gap_of_confidence_and_truth() -> None:
    # All answers with the same confidence of softmax([5, 0, 0, 0]), half of them right.
    relations = np.array([0, 1, 2, 3])
    confidence = float(np.exp(5) / (np.exp(5) + 3))
    error = evaluation.expected_calibration_error(one_hot([0, 1, 0, 0]), relations)
    assert error == pytest.approx(confidence - 0.5, abs=1e-6)


@pytest.mark.parametrize("precision", [0.7, 0.8, 0.9])
def test_the_abstention_threshold_is_the_lowest_that_reaches_the_precision(
    precision: float,
) -> None:
    logits, relations = calibrated()
    found = evaluation.abstention_threshold(logits, relations, precision)
    probabilities = softmax(logits, axis=1)
    right = probabilities.argmax(axis=1) == relations

    def precision_from(threshold: float) -> float:
        return float(right[probabilities.max(axis=1) >= threshold].mean())

    assert found["precision"] >= precision
    assert found["precision"] == pytest.approx(precision_from(found["threshold"]))
    assert precision_from(found["threshold"] - 0.01) < precision
    answered = probabilities.max(axis=1) >= found["threshold"]
    assert found["coverage"] == pytest.approx(answered.mean())


def test_who_is_always_right_need_not_abstain() -> None:
    relations = np.array([0, 1, 2, 3])
    found = evaluation.abstention_threshold(one_hot(relations), relations, 0.95)
    assert found == {"threshold": 0.25, "precision": 1.0, "coverage": 1.0}


def test_a_precision_that_no_confidence_gives_is_refused() -> None:
    relations = np.array([0, 1, 2, 3])
    with pytest.raises(ValueError, match=r"no confidence gives a precision of 0\.9"):
        evaluation.abstention_threshold(one_hot((relations + 1) % 4), relations, 0.9)


def banded(relations: Relations, seed: int) -> tuple[list[tuple[str, str]], dict[str, float]]:
    """Pairs, and a number of each that lies in the band of its relation."""
    noise = np.random.default_rng(seed).uniform(-0.05, 0.05, size=len(relations))
    values = np.array([0.9, 0.1, 0.7, 0.4])[relations] + noise
    pairs = [(f"{seed}", str(number)) for number in range(len(relations))]
    return pairs, {number: value for (_, number), value in zip(pairs, values, strict=True)}


def test_cuts_of_one_number_tell_what_lies_in_bands_apart() -> None:
    relations = np.tile(np.arange(4), 25)
    pairs, values = banded(relations, 0)
    others, theirs = banded(relations, 1)
    number_of = {**{("0", name): value for name, value in values.items()}}
    number_of |= {("1", name): value for name, value in theirs.items()}

    def features(found: Sequence[tuple[str, str]]) -> NDArray[np.float64]:
        return np.array([[number_of[pair]] for pair in found])

    score = evaluation.grow_tree(features, (pairs, relations), leaves=4)
    assert evaluation.relation_figures(score(others), relations)["macro_f1"] == 1.0
    assert softmax(score(others), axis=1).sum(axis=1) == pytest.approx(1)
    # Four bands are all that three cuts can tell.
    few = evaluation.grow_tree(features, (pairs, relations), leaves=3)
    assert evaluation.relation_figures(few(others), relations)["macro_f1"] < 1.0


def test_the_contradiction_score_is_judged_against_everything_else() -> None:
    def knows(pairs: Sequence[tuple[str, str]]) -> Logits:
        # Our own rows: what is closed denies what is open, unless it is not closed.
        denies = [" closed" in b and " not " not in b for _, b in pairs]
        return one_hot([RELATIONS.index("contradiction" if deny else "hedge") for deny in denies])

    assert evaluation.contradiction_auc(knows, "cannot/dev") == 1.0
    assert evaluation.contradiction_auc(lambda pairs: -knows(pairs), "cannot/dev") == 0.0
    assert evaluation.contradiction_auc(knows, "conjnli/dev") is None


def test_a_set_of_one_kind_has_no_auc() -> None:
    def never(_: Sequence[tuple[str, str]]) -> Logits:
        raise AssertionError("nothing is to be judged")

    # None of its labels is an entailment.
    assert evaluation.entailment_auc(never, "cannot/dev") is None


def test_the_equivalence_score_is_judged_by_entailment() -> None:
    def knows(pairs: Sequence[tuple[str, str]]) -> Logits:
        same = [" not " in b for _, b in pairs]
        return one_hot([RELATIONS.index("equivalence" if yes else "neutral") for yes in same])

    # Of what does not follow, half are denials and half the same pairs under another label.
    assert evaluation.entailment_auc(knows, "mnli_sample/train") == 0.75


def test_the_dev_arrays_are_as_long_as_each_other() -> None:
    texts, relations = evaluation.dev_arrays()
    assert len(texts) == len(relations) > 1000
    assert set(relations) == set(range(4))

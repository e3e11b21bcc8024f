"""The joint criterion over the dial: negation figures at the best weight, with a general floor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training.evaluation.encoding import Encode, Gate, Reweighted
from training.evaluation.tasks import RUN_TASKS, Task

NEGATION = ("contrast", "exclusion", "exclusion_ndcg10", "same_over_negated", "cannot_auc")
# A point under the floor outweighs any gain on negation that a checkpoint could show for it.
PENALTY = 10.0
COARSE = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
# The weights of an encoder of one vector: there is nothing to choose.
WHOLE = (1.0,)


@dataclass(frozen=True)
class Dial:
    """Dev figures of a two-part encoder at several negation weights.

    Args:
        base: Figures of the general part alone, for the tasks that have a floor.
        figures: Figures by weight.
        scores: Joint score by weight.
    """

    base: dict[str, float]
    figures: dict[float, dict[str, float]]
    scores: dict[float, float]

    @property
    def weight(self) -> float:
        """The weight with the highest joint score."""
        return max(self.scores, key=self.scores.__getitem__)


def turn(
    encode: Encode,
    general_dimensions: int,
    floors: Mapping[str, float],
    weights: Sequence[float] = COARSE,
    *,
    base: Mapping[str, float] | None = None,
    gate: Gate | None = None,
) -> Dial:
    """Measure an encoder at every weight, from one forward pass a text.

    Args:
        encode: A two-part encoder that remembers what it encoded.
        general_dimensions: How many of the first numbers are the general part.
        floors: See `joint_score`.
        weights: The weights to try.
        base: Figures of the base encoder, for the tasks that have a floor; by default those of the
            general part, which is the base only where it was not trained.
        gate: The encoder's, which gives each text its own weight over the one that is tried, as it
            will be served; weights that are not under the exclusion weight are left out.

    Raises:
        ValueError: No weight is under the exclusion weight.
    """
    if gate is not None:
        weights = [weight for weight in weights if weight < gate.exclusion_weight]
        if not weights:
            raise ValueError("exclusion_weight is not over any negation weight that is tried")
    if base is None:
        base = measure_general(encode, general_dimensions, floors)
    figures = {
        weight: measure(Reweighted(encode, general_dimensions, weight, gate), RUN_TASKS)
        for weight in weights
    }
    scores = {weight: joint_score(found, base, floors) for weight, found in figures.items()}
    return Dial(dict(base), figures, scores)


def measure_general(
    encode: Encode, general_dimensions: int, floors: Mapping[str, float]
) -> dict[str, float]:
    """The figures of the general part alone, for the tasks that have a floor.

    An encoder without one is measured whole.
    """
    general = Reweighted(encode, general_dimensions, 0.0) if general_dimensions else encode
    return measure(general, {name: RUN_TASKS[name] for name in floors})


def joint_score(
    figures: Mapping[str, float], base: Mapping[str, float], floors: Mapping[str, float]
) -> float:
    """Mean of the negation figures, less a penalty for general figures under the floor.

    Choosing on negation alone ruins retrieval (van den Elsen et al. 2025, arXiv 2502.13506).

    Args:
        figures: The checkpoint's dev figures.
        base: The base encoder's.
        floors: How far above the base's each general figure must lie; -0.01 allows a point under.
    """
    negation = [figures[name] for name in NEGATION if name in figures]
    shortfalls = [
        max(0.0, base[name] + floor - figures[name])
        for name, floor in floors.items()
        if name in figures
    ]
    return sum(negation) / len(negation) - PENALTY * sum(shortfalls)


def measure(encode: Encode, tasks: Mapping[str, Task]) -> dict[str, float]:
    """Run the tasks whose data are there."""
    figures = {name: task(encode) for name, task in tasks.items()}
    return {name: figure for name, figure in figures.items() if figure is not None}

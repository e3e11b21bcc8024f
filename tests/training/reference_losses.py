"""What the docstrings of the losses say, written out in loops over plain numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, log

from torch import Tensor

from training.losses.parts import Parts

WEIGHT = 0.3
TEMPERATURE = 0.1
SCALE = 0.2
DISTILLATION = 0.7
BATCH = 4
HARDNESS = 3.0


def sim(left: Parts, i: int, right: Parts, j: int) -> float:
    general = float(left.general[i] @ right.general[j])
    return (1 - WEIGHT) * general + WEIGHT * float(left.polarity[i] @ right.polarity[j])


def softplus(low: float, high: float) -> float:
    return log(1 + exp((low - high) / SCALE))


def mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)


def softmax_loss(scores: Sequence[float], target: int) -> float:
    return -log(exp(scores[target] / TEMPERATURE) / sum(exp(s / TEMPERATURE) for s in scores))


def info_nce(
    anchor: Parts, positive: Parts, negatives: Sequence[Parts], hardness: float = 0.0
) -> float:
    # A weight exp(hardness s) of a term of the softmax is so much more of its score.
    return mean(
        [
            softmax_loss(
                [sim(anchor, i, positive, j) for j in range(BATCH)]
                + [
                    (1 + hardness * TEMPERATURE) * sim(anchor, i, negative, i)
                    for negative in negatives
                ],
                target=i,
            )
            for i in range(BATCH)
        ]
    )


def margin(higher: Sequence[tuple[Parts, Parts]], lower: Sequence[tuple[Parts, Parts]]) -> float:
    return mean(
        [
            softplus(sim(*spread(low, i)), sim(*spread(high, i)))
            for high in higher
            for low in lower
            for i in range(BATCH)
        ]
    )


def spread(pair: tuple[Parts, Parts], i: int) -> tuple[Parts, int, Parts, int]:
    return pair[0], i, pair[1], i


def distilled(columns: Sequence[Parts]) -> float:
    gaps = [
        (float(a.polarity[i] @ b.polarity[j]) - float(a.general[i] @ b.general[j])) ** 2
        for a in columns
        for b in columns
        for i in range(BATCH)
        for j in range(BATCH)
        if i != j
    ]
    return 100 * DISTILLATION * mean(gaps)


def cosent(columns: Sequence[Parts], labels: Tensor) -> float:
    return graded([(sim(columns[0], i, columns[1], i), float(labels[i])) for i in range(BATCH)])


def graded(pairs: Sequence[tuple[float, float]]) -> float:
    """CoSENT of (similarity, grade)."""
    terms = [exp(20 * (low - high)) for high, more in pairs for low, less in pairs if more > less]
    return log(1 + sum(terms))


def graded_group_reference(columns: list[Parts], _: Tensor | None) -> float:
    a, p, q, n1, n2, n3, hedge, neutral = columns
    others = [n1, n2, n3, hedge, neutral]
    grades = [(p, 1.0), (q, 1.0), (hedge, 0.5), (n1, 0.0), (n2, 0.0), (n3, 0.0)]
    pairs = [(sim(a, i, text, i), grade) for text, grade in grades for i in range(BATCH)]
    return info_nce(a, p, others) + info_nce(p, q, others) + 0.5 * graded(pairs)


def group_reference(columns: list[Parts], _: Tensor | None) -> float:
    a, p, q, n1, n2, n3, hedge, neutral = columns
    others = [n1, n2, n3, hedge, neutral]
    positives = [(a, p), (a, q)]
    of_anchor = [(a, n) for n in (n1, n2, n3)]
    denials = of_anchor + [(p, n) for n in (n1, n2, n3)]
    # Five terms of equal weight: two positives above the hedge, the hedge above three denials.
    between = 2 * margin(positives, [(a, hedge)]) + 3 * margin([(a, hedge)], of_anchor)
    order = margin(positives, denials) + 0.5 * between / 5
    return info_nce(a, p, others) + info_nce(p, q, others) + 0.5 * order


def contrast_reference(columns: list[Parts], _: Tensor | None) -> float:
    queries = [(column, i) for column in columns[:2] for i in range(BATCH)]
    docs = [(column, i) for column in columns[2:] for i in range(BATCH)]
    scores = [[sim(*query, *doc) for doc in docs] for query in queries]
    total = 0.0
    for k in range(2 * BATCH):
        twin = (k + BATCH) % (2 * BATCH)
        total += softmax_loss(scores[k], k) + softmax_loss([row[k] for row in scores], k)
        total += softplus(scores[k][twin], scores[k][k]) + softplus(scores[twin][k], scores[k][k])
    return total / (2 * BATCH)


def exclusion_reference(columns: list[Parts], _: Tensor | None) -> float:
    query, first, second, *bad = columns
    contrastive = sum(
        softmax_loss(
            [sim(query, i, positive, j) for j in range(BATCH)]
            + [sim(query, i, twin, j) for j in range(BATCH) if j != i]
            + [sim(query, i, text, j) for text in bad for j in range(BATCH)],
            target=i,
        )
        for positive, twin in ((first, second), (second, first))
        for i in range(BATCH)
    )
    order = margin([(query, first), (query, second)], [(query, text) for text in bad])
    return 0.5 * contrastive / BATCH + order


def order_reference(columns: list[Parts], labels: Tensor | None) -> float:
    assert labels is not None
    return cosent(columns, labels)


def graded_reference(columns: list[Parts], labels: Tensor | None) -> float:
    return 0.5 * order_reference(columns, labels)


def question_reference(columns: list[Parts], _: Tensor | None) -> float:
    query, passage = columns
    return 0.5 * info_nce(query, passage, [])


def triplet_reference(columns: list[Parts], _: Tensor | None) -> float:
    anchor, positive, negative = columns
    contrastive = info_nce(anchor, positive, [negative])
    return 0.5 * contrastive + 0.5 * margin([(anchor, positive)], [(anchor, negative)])


def general_reference(columns: list[Parts], _: Tensor | None) -> float:
    gaps = [
        (float(a.polarity[i] @ b.polarity[i]) - float(a.general[i] @ b.general[i])) ** 2
        for number, a in enumerate(columns)
        for b in columns[:number]
        for i in range(BATCH)
    ]
    return 100 * DISTILLATION * mean(gaps)


REFERENCES: dict[str, Callable[[list[Parts], Tensor | None], float]] = {
    "groups": group_reference,
    "contrasts": contrast_reference,
    "exclusions": exclusion_reference,
    "inclusions": exclusion_reference,
    "keywords": exclusion_reference,
    "polarity": order_reference,
    "graded": graded_reference,
    "questions": question_reference,
    "triplets": triplet_reference,
    "general": general_reference,
}

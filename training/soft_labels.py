"""What a judge says of a group's texts, as the labels of its rows (`make judge`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from training import corpus
from training.judge.question import Key
from training.judge.rows import SentenceRow
from training.judge.scores import read_scores
from training.losses.group_orders import JUDGED
from training.row import Row

# The score of each text against each anchor.
GroupScores = Mapping[str, Mapping[str, float]]


def soften(rows: Sequence[Row], scores: GroupScores) -> list[dict[str, Any]]:
    """Put the scores of a group's texts beside it, in the order of its columns after the anchor."""
    return [{**row, "label": labels_of(row, scores)} for row in rows]


def read_group_scores(path: Path) -> GroupScores:
    """Read what a judge said of the training groups.

    The score of a text is the mean of `JUDGED`, weighed by the probabilities of the relations. A
    judge was asked about a group's own anchor; a row may have another member of its class as
    anchor, for which the same holds, since each is true exactly when the other is.

    Args:
        path: Judgements of every text of the groups, a line each.

    Raises:
        ValueError: A text was not judged, or a line is no judgement; the message names it.
        OSError: The file cannot be read.
    """
    judgements = read_scores(path)
    found: dict[str, dict[str, float]] = {}
    for group in training_groups():
        scores = scores_of(group, judgements, path)
        # Two groups may have a text in common.
        for member in (group.anchor, *(item.text for item in group.same)):
            found[member] = found.get(member, {}) | scores
    return found


def training_groups() -> Iterator[SentenceRow]:
    """The groups of the corpus, with their ids."""
    lines = corpus.read_jsonl(corpus.DATA / "sentence.train.jsonl")
    return map(SentenceRow.model_validate, lines)


def scores_of(
    group: SentenceRow, judgements: Mapping[Key, Mapping[str, float]], path: Path
) -> dict[str, float]:
    """The score of each text of a group; the anchor's own is that of what means the same.

    Raises:
        ValueError: A text was not judged; the message names it.
    """
    scores = {group.anchor: JUDGED["equivalence"]}
    for _, candidates in group.questions():
        for item in candidates:
            judgement = judgements.get((group.id, item.field, item.index))
            if judgement is None or judgement.keys() != JUDGED.keys():
                raise ValueError(
                    f"{path}: no judgement of {group.id}, {item.field} {item.index}, by every"
                    " relation: judge the training groups first (make judge)"
                )
            scores[item.text] = sum(JUDGED[name] * p for name, p in judgement.items())
    return scores


def labels_of(row: Row, scores: GroupScores) -> list[float]:
    """The scores of a row's texts against its first, the anchor."""
    anchor, *texts = map(str, row.values())
    return [scores[anchor][text] for text in texts]

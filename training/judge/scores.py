"""Scores of pairs, one a line: made from a judge's answer, kept through a kill, read as labels."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from training.closing import Closing
from training.distil.gathering import write_line
from training.distil.ledger import open_alone
from training.judge.question import RELEVANT, Key, Question
from training.pair.relations import RELATIONS

# A judge's answer to a question: (candidates, relations) probabilities, or (candidates,) relevances
# as logits.
Answer = NDArray[np.float64]
Line = dict[str, Any]


def read_scores(path: Path) -> dict[Key, dict[str, float]]:
    """Read judgements as soft labels, by (id, field, index).

    Of a text of a sentence row, the probability of each relation. Of a passage, under `relevant`,
    its share of all passages of its query: the softmax of their relevances, which adds up to 1 over
    the query. The field of a contrast's passage names its query too, as in `query_a/doc_b`.

    Raises:
        ValueError: A line is no judgement; the message names it.
        OSError: The file cannot be read.
    """
    found: dict[Key, dict[str, float]] = {}
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, text in enumerate(lines, start=1):
            try:
                line = json.loads(text)
                probabilities = {name: float(p) for name, p in line["probabilities"].items()}
                found[key_of(line)] = probabilities
            except (ValueError, TypeError, KeyError, AttributeError):
                raise ValueError(f"{path}: line {number} is no judgement") from None
    return found


def key_of(line: Mapping[str, Any]) -> Key:
    """What names the text that a line judges."""
    return line["id"], line["field"], line["index"]


def lines_of(question: Question, answer: Answer) -> list[Line]:
    """A line for each candidate of a question.

    Args:
        question: What was asked.
        answer: What was answered.
    """
    judged = of_relations if question.relations else of_relevance
    digest = question.digest()
    return [
        {
            "id": question.row,
            "kind": question.kind,
            "field": item.field,
            "index": item.index,
            **({"pattern": item.pattern} if item.pattern else {}),
            "label": item.label,
            **scores,
            "texts": digest,
        }
        for item, scores in zip(question.candidates, judged(question, answer), strict=True)
    ]


def of_relations(question: Question, answer: Answer) -> list[Line]:
    """Probabilities, which relation is chosen, and by how much it is ahead of the label."""
    scores = []
    for item, row in zip(question.candidates, answer.tolist(), strict=True):
        probabilities = dict(zip(RELATIONS, row, strict=True))
        choice = max(probabilities, key=probabilities.__getitem__)
        scores.append(
            {
                "choice": choice,
                "agrees": choice == item.label,
                "probabilities": rounded(probabilities),
            }
        )
    return scores


def of_relevance(question: Question, answer: Answer) -> list[Line]:
    """Relevance, share of the query, and the margin to the nearest passage of the other label.

    The margin is positive where the passage is on its side: the relevant ones above the others.
    """
    relevant = np.array([item.label == RELEVANT for item in question.candidates])
    scores = []
    for own, value, share in zip(relevant, answer, softmax(answer), strict=True):
        others = answer[relevant != own]
        margin = float(value - others.max() if own else others.min() - value)
        scores.append(
            {
                "agrees": margin > 0,
                "relevance": round(float(value), 6),
                "margin": round(margin, 6),
                "probabilities": rounded({RELEVANT: float(share)}),
            }
        )
    return scores


def rounded(probabilities: Mapping[str, float]) -> dict[str, float]:
    """Probabilities with as many digits as mean something."""
    return {name: round(value, 6) for name, value in probabilities.items()}


class ScoreFile(Closing):
    """The judgements of a run; open in one process at a time.

    Args:
        path: JSON Lines, one a pair of texts.
        keep: Keep what is there, of questions that are judged whole; else begin anew.

    Raises:
        ValueError: Another process has it open.
    """

    def __init__(self, path: Path, *, keep: bool) -> None:
        self._path = path
        self._file = open_alone(path)
        self._lines: dict[Key, Line] = {}
        if not keep:
            self._file.truncate(0)
        for line in parsed(path):
            self._lines[key_of(line)] = line

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def lines(self, question: Question) -> list[Line] | None:
        """The judgements of a question, if it is judged, and as it now reads."""
        digest = question.digest()
        found = [self._lines.get(key) for key in question.keys]
        lines = [line for line in found if line is not None and line.get("texts") == digest]
        return lines if len(lines) == len(found) else None

    def add(self, question: Question, answer: Answer) -> None:
        """Write the judgements of a question."""
        for line in lines_of(question, answer):
            self._lines[key_of(line)] = line
            write_line(self._file, line)

    def settle(self, questions: Sequence[Question], cosines: Mapping[Key, float]) -> list[Line]:
        """Write the judgements in the order of the questions, in the place of what was there.

        Judgements of texts that are no longer there are left out.

        Args:
            questions: All questions.
            cosines: The cosine of each pair, where it was asked for.
        """
        settled = [
            with_cosine(line, cosines.get(key_of(line)))
            for question in questions
            for line in self.lines(question) or ()
        ]
        write_whole(self._path, settled)
        return settled


def with_cosine(line: Line, cosine: float | None) -> Line:
    """A judgement with this cosine, and none of an earlier start."""
    rest = {name: value for name, value in line.items() if name != "cosine"}
    return rest if cosine is None else {**rest, "cosine": round(cosine, 6)}


def parsed(path: Path) -> Iterator[Line]:
    """The judgements in a file; a line that a kill cut off is left out."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        for text in lines:
            with suppress(ValueError, TypeError, KeyError):
                line = json.loads(text)
                key_of(line)
                yield line


def write_whole(path: Path, lines: Iterable[Line]) -> None:
    """Write a file of lines, whole or not at all."""
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    os.replace(fresh, path)

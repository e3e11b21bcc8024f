"""The pair model as a judge of questions, through the service's own path."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy.special import softmax

from service.errors import ServiceError
from training.evaluation.encoding import Remembered
from training.judge.question import Question
from training.judge.rows import Skipped
from training.judge.scores import Answer
from training.pair.evaluation import Relevance, both_orders, with_similarity
from training.pair.relations import RELATIONS
from training.serving import ServedDiscriminator, ServedEncoder

# Rows whose pairs are run together, and after which the judgements are written down.
TOGETHER = 16


class PairJudge:
    """Answers questions from a model folder.

    Args:
        folder: Of the pair model.
        encoder: Of the encoder whose cosine the relevance corrects, where the model asks for one.

    Raises:
        service.errors.StartupError: A folder cannot be served.
    """

    def __init__(self, folder: Path, encoder: Path) -> None:
        self._folder = folder
        self._served = ServedDiscriminator(folder)
        self._columns = [self._served.spec.labels.index(name) for name in RELATIONS]
        self._relations = both_orders(self._served)
        self._relevance = ranked_by(self._served, encoder)

    def check(self, questions: Sequence[Question]) -> None:
        """Refuse questions that the model has no output for.

        Raises:
            ValueError: It does not rank, and there are rows to rank.
        """
        ranked = next((question for question in questions if not question.relations), None)
        if ranked is not None and not self._served.ranks:
            what = f"{ranked.kind} rows, such as {ranked.where}"
            raise ValueError(f"{self._folder} has no relevance output: it cannot judge {what}")

    def answers(self, questions: Sequence[Question]) -> Iterator[tuple[Question, Answer | Skipped]]:
        """Answer questions in turn; one that the model cannot take is told with the reason."""
        for start in range(0, len(questions), TOGETHER):
            group = questions[start : start + TOGETHER]
            try:
                yield from zip(group, self._answer(group), strict=True)
            except ServiceError:
                yield from ((question, self._alone(question)) for question in group)

    def _alone(self, question: Question) -> Answer | Skipped:
        try:
            (answer,) = self._answer([question])
        except ServiceError as error:
            return Skipped(question.where, error.message, question.text)
        return answer

    def _answer(self, questions: Sequence[Question]) -> list[Answer]:
        """Answer questions together."""
        by_need: dict[bool, list[int]] = {True: [], False: []}
        for number, question in enumerate(questions):
            by_need[question.relations].append(number)
        found: dict[int, Answer] = {}
        for relations, numbers in by_need.items():
            pairs = [pair for number in numbers for pair in questions[number].pairs()]
            if not pairs:
                continue
            run = self._probabilities if relations else self._relevance
            rows = np.asarray(run(pairs), dtype=np.float64)
            ends = np.cumsum([len(questions[number].candidates) for number in numbers])
            found.update(zip(numbers, np.split(rows, ends[:-1]), strict=True))
        return [found[number] for number in range(len(questions))]

    def _probabilities(self, pairs: Sequence[tuple[str, str]]) -> Answer:
        """Probability of each relation, the same in either order of the texts."""
        probabilities: Answer = softmax(self._relations(pairs)[:, self._columns], axis=1)
        return probabilities


def ranked_by(served: ServedDiscriminator, encoder: Path) -> Relevance:
    """What passages are ranked by: the relevance, with the cosine that it corrects."""
    scale = served.spec.similarity_scale
    if not (served.ranks and scale):
        return served.relevance
    return with_similarity(served.relevance, Remembered(ServedEncoder(encoder)), scale)


def fingerprint(folder: Path) -> str:
    """Of the files that decide what a model folder says.

    Raises:
        OSError: A file cannot be read.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".onnx", ".safetensors") or path.name in (
            "tokenizer.json",
            "config.json",
        ):
            digest.update(path.relative_to(folder).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]

"""A chat endpoint as a judge: its settings, its calls, and what is made of its replies."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, Field, ValidationError, create_model
from pydantic.dataclasses import dataclass
from scipy.special import logit

from training.config import check_known, read_toml, subtable
from training.distil.config import (
    PROMPTS,
    STRICT,
    Budget,
    EndpointConfig,
    check_budget,
    checked,
    read_spending,
)
from training.distil.gathering import Gathering
from training.distil.ledger import Entry
from training.distil.plan import Call, call_id
from training.distil.prompt import Prompt, read_prompt
from training.distil.reply import rows_of
from training.distil.rules import Rejection
from training.distil.schemas import Strict
from training.distil.text import first_fault
from training.judge.question import Question
from training.judge.scores import Answer
from training.pair.relations import RELATIONS

Probability = Annotated[float, Field(ge=0, le=1)]

# How far from 1 stated probabilities may add up, by rounding.
SLACK = 0.1
# A stated relevance of 0 or 1 is taken for this much less, or one word would outweigh all others.
LEAST = 0.01


class Relation(Strict):
    """What a judge says of a text beside an anchor."""

    number: int
    equivalence: Probability
    contradiction: Probability
    hedge: Probability
    neutral: Probability


class Relevance(Strict):
    """What a judge says of a passage beside a query."""

    number: int
    relevance: Probability


REPLIES: Mapping[str, type[Relation | Relevance]] = {"relation": Relation, "relevance": Relevance}
PLACES = ("text", "candidates")


@dataclass(frozen=True, config=STRICT)
class ChatConfig:
    """Everything that a chat judge depends on, but for the key.

    Args:
        endpoint: Whom to ask.
        budget: What a run may cost, over all its starts.
        prompts: Prompt file of each kind of judgement.
    """

    endpoint: EndpointConfig
    budget: Budget
    prompts: dict[str, Path] = field(default_factory=dict)


def read_chat(path: Path) -> ChatConfig:
    """Read a chat judge; its prompt files are named from where the file is.

    Raises:
        ValueError: A key is missing, unknown or has a value of the wrong kind, or nothing would
            stop the spending. The message names file and key.
    """
    table, where = read_toml(path), str(path)
    named = subtable(table, "prompts", where)
    check_known(f"{where}: prompts", named, REPLIES)
    prompts = {name: PROMPTS / f"judge/{name}.md" for name in REPLIES}
    for name, file in named.items():
        if not isinstance(file, str):
            raise ValueError(f"{where}: prompts.{name} is no file name")
        prompts[name] = path.parent / file
    sections = {**table, **read_spending(table, where), "prompts": prompts}
    config = checked(ChatConfig, sections, where)
    check_budget(config, where)
    return config


def plan(config: ChatConfig, questions: Sequence[Question]) -> dict[str, tuple[Call, Question]]:
    """The call of each question, by its id.

    Raises:
        ValueError: A prompt file cannot be used; the message names it.
    """
    prompts = {name: read_prompt(file, PLACES, PLACES) for name, file in config.prompts.items()}
    schemas = {name: reply_schema(reply) for name, reply in REPLIES.items()}
    calls = {}
    for question in questions:
        kind = reply_kind(question)
        call = make_call(config.endpoint.model, question, kind, prompts[kind], schemas[kind])
        calls[call.id] = (call, question)
    return calls


def reply_kind(question: Question) -> str:
    """What a question asks for."""
    return "relation" if question.relations else "relevance"


def reply_schema(item: type[BaseModel]) -> dict[str, Any]:
    """JSON schema of a reply: an object with a list of judgements."""
    rows: Any = list[item]  # type: ignore[valid-type]
    return create_model(
        f"{item.__name__}Reply", __base__=Strict, rows=(rows, ...)
    ).model_json_schema()


def make_call(
    model: str, question: Question, kind: str, prompt: Prompt, schema: dict[str, Any]
) -> Call:
    """The call of a question, named by the row, all that is asked, and of whom."""
    texts = [question.candidates[place].text for place in order(question)]
    listed = "\n".join(f"{number}. {flat(text)}" for number, text in enumerate(texts, start=1))
    messages = prompt.fill({"text": flat(question.text), "candidates": listed})
    name = call_id([model, *question.keys[0], messages])
    return Call(name, kind, len(texts), {}, (), messages, schema)


def order(question: Question) -> list[int]:
    """The order in which the candidates are shown, which tells nothing of their labels."""
    places = list(range(len(question.candidates)))
    random.Random(question.digest()).shuffle(places)
    return places


def flat(text: str) -> str:
    """A text in one line, as a list of texts needs it."""
    return " ".join(text.split())


class Verdicts(Gathering[tuple[Question, Answer]]):
    """Answers in replies, and the replies that hold none, with the reason.

    Args:
        rejected: File of what is not kept.
        calls: What was asked, by the id of the call.
    """

    unit = "answer"

    def __init__(self, rejected: Path, calls: Mapping[str, tuple[Call, Question]]) -> None:
        super().__init__(rejected, REPLIES)
        self._calls = calls
        self.answers: dict[str, tuple[Question, Answer]] = {}

    def outcomes(self, entry: Entry) -> Iterator[tuple[Question, Answer] | Rejection]:
        """The answer in a reply; nothing of a row that is no longer there."""
        if entry.call in self._calls:
            _, question = self._calls[entry.call]
            outcome = answer_in(entry.body, question)
            yield outcome if isinstance(outcome, Rejection) else (question, outcome)

    def keep(self, item: tuple[Question, Answer], entry: Entry) -> None:
        """Keep an answer."""
        self.answers[entry.call] = item


def answer_in(body: str, question: Question) -> Answer | Rejection:
    """The answer in a reply, or the first reason against it."""
    contents, fault = rows_of(body)
    if fault is not None:
        return fault
    reply = REPLIES[reply_kind(question)]
    try:
        items = [reply.model_validate(content) for content in contents]
    except ValidationError as error:
        return Rejection("schema", first_fault(error), contents)
    by_number = {item.number: item for item in items}
    wanted = range(1, len(question.candidates) + 1)
    if sorted(item.number for item in items) != list(wanted):
        numbers = ", ".join(str(item.number) for item in items)
        return Rejection("numbers", f"judges {numbers or 'none'} of {len(wanted)} texts", contents)
    shown = [values_of(by_number[number]) for number in wanted]
    sums = [sum(row) for row in shown] if question.relations else []
    if unlike := [number for number, total in enumerate(sums, 1) if abs(total - 1) > SLACK]:
        total = sums[unlike[0] - 1]
        reason = f"the probabilities of text {unlike[0]} add up to {total:g}"
        return Rejection("probabilities", reason, contents)
    answer = np.empty((len(shown), len(shown[0])))
    answer[order(question)] = shown
    if question.relations:
        return answer / answer.sum(axis=1, keepdims=True)
    return np.asarray(logit(np.clip(answer[:, 0], LEAST, 1 - LEAST)))


def values_of(item: Relation | Relevance) -> list[float]:
    """The numbers of a judgement, relations in our order."""
    if isinstance(item, Relevance):
        return [item.relevance]
    return [getattr(item, name) for name in RELATIONS]

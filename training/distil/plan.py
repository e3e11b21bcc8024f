"""The calls of a run: which prompt, filled with what, always in the same order."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from training.corpus import read_jsonl
from training.distil.config import DistilConfig, KindConfig, QuerySource
from training.distil.prompt import Message, Prompt, read_prompt
from training.distil.schemas import KINDS


@dataclass(frozen=True)
class Query:
    """A query that is given, and the passage that answers it, if one is known."""

    query: str
    positive: str | None = None


@dataclass(frozen=True)
class Call:
    """One request for rows.

    Args:
        id: Of all that is asked and of whom: two calls with one id are one.
        kind: Kind of the rows.
        rows: How many are asked for.
        asked: What the places of the prompt were filled with.
        queries: The queries that are given, for a kind that starts from some.
        messages: What is sent.
        schema: JSON schema of a reply.
    """

    id: str
    kind: str
    rows: int
    asked: dict[str, str]
    queries: tuple[Query, ...]
    messages: list[Message]
    schema: dict[str, Any]


def plan(config: DistilConfig) -> list[Call]:
    """Every call of a run; the kinds take turns, so that a budget cuts all of them alike.

    Raises:
        ValueError: A prompt file or a file of queries cannot be used; the message names it.
    """
    calls = [
        ((number + 0.5) / kind.calls, call)
        for name, kind in config.kinds.items()
        for number, call in enumerate(kind_calls(config, name, kind))
    ]
    return [call for _, call in sorted(calls, key=lambda item: item[0])]


def kind_calls(config: DistilConfig, name: str, kind: KindConfig) -> list[Call]:
    """The calls for one kind; adding to their number leaves the first ones as they are."""
    lists = {**config.fields, **kind.fields}
    required = {"rows", *KINDS[name].fields}
    prompt = read_prompt(kind.prompt, required, required & {"rows", "queries"} | set(lists))
    queries = draw_queries(kind.queries, config.seed) if kind.queries else []
    schema = KINDS[name].reply_schema()
    if kind.queries and len(queries) < kind.calls * kind.rows:
        asked = f"{kind.calls} calls of {kind.rows}"
        raise ValueError(f"{kind.queries.file} has {len(queries)} queries, too few for {asked}")
    return [
        make_call(
            name,
            kind.rows,
            prompt,
            draw_fields(lists, f"{config.seed}/{name}", number),
            queries=queries[number * kind.rows : (number + 1) * kind.rows],
            key=[config.endpoint.model, name, number],
            schema=schema,
        )
        for number in range(kind.calls)
    ]


def make_call(
    name: str,
    rows: int,
    prompt: Prompt,
    drawn: Mapping[str, str],
    *,
    queries: Sequence[Query],
    key: Sequence[str | int],
    schema: dict[str, Any],
) -> Call:
    """Fill a prompt, and name the call by its messages and a key."""
    listed = "\n".join(f"{place}. {item.query}" for place, item in enumerate(queries, start=1))
    messages = prompt.fill({**drawn, "rows": str(rows), "queries": listed})
    places = {*prompt.system.get_identifiers(), *prompt.user.get_identifiers()}
    asked = {field: value for field, value in drawn.items() if field in places}
    return Call(call_id([*key, messages]), name, rows, asked, tuple(queries), messages, schema)


def call_id(what: Sequence[Any]) -> str:
    """The id of a call that asks for this."""
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]


def draw_fields(lists: Mapping[str, Sequence[str]], seed: str, number: int) -> dict[str, str]:
    """One value of each list: each list is gone through in one random order after another."""
    drawn = {}
    for field, values in lists.items():
        turn, place = divmod(number, len(values))
        order = random.Random(f"{seed}/{field}/{turn}").sample(range(len(values)), len(values))
        drawn[field] = values[order[place]]
    return drawn


def draw_queries(source: QuerySource, seed: int) -> list[Query]:
    """The different queries of a file, in a random order.

    Raises:
        ValueError: A line has no such fields, or is no JSON; the message names the line.
    """
    found: dict[str, Query] = {}
    number = 1
    try:
        for row in read_jsonl(source.file):
            positive = row[source.positive] if source.positive else None
            query = " ".join(row[source.query].split())
            found.setdefault(query, Query(query, positive))
            number += 1
    except json.JSONDecodeError as error:
        raise ValueError(f"{source.file}: line {number} is no JSON: {error.msg}") from None
    except (KeyError, TypeError, AttributeError):
        fields = ", ".join(filter(None, (source.query, source.positive)))
        raise ValueError(f"{source.file}: line {number} has no text in {fields}") from None
    return random.Random(f"{seed}/queries").sample(list(found.values()), len(found))

"""The settings of a distillation, read from its TOML file; the key alone is in the environment."""

from __future__ import annotations

import os
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, TypeVar

from pydantic import ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from training.config import read_section, read_toml, subtable
from training.distil.schemas import KINDS
from training.distil.text import first_fault

PROMPTS = Path(__file__).parents[1] / "prompts"
STRICT = ConfigDict(strict=True)

Section = TypeVar("Section")
Positive = Annotated[int, Field(gt=0)]
Price = Annotated[float, Field(ge=0)]
Lists = dict[str, Annotated[list[str], Field(min_length=1)]]


@dataclass(frozen=True, config=STRICT)
class EndpointConfig:
    """A chat endpoint and how it is called.

    Args:
        base_url: As the SDK wants it; usually ends in `/v1`.
        model: Name of the model.
        key_variable: Environment variable that holds the key; empty where none is needed.
        concurrency: Calls at one time.
        timeout: Seconds that a reply may take.
        retries: Further tries of a call after 408, 409, 429, 5xx, a time-out or a broken
            connection, with growing pauses, or that which `Retry-After` asks for.
        max_tokens: Most tokens of a reply; what a call may cost is reckoned from it.
        max_tokens_field: What the endpoint calls that limit.
        structured: How it is told the schema: as a JSON schema that binds it, as "some JSON", or
            by the prompt alone.
        temperature: Left to the endpoint where it is not set.
        usd_per_million_in: Price of the tokens that it reads.
        usd_per_million_out: Price of the tokens that it writes.
        give_up_after: Stop after this many calls in a row that brought no row.
        extra: Further fields of the request body.
    """

    base_url: Annotated[str, Field(pattern=r"^https?://.")]
    model: str
    max_tokens: Positive
    key_variable: str = "OPENAI_API_KEY"
    concurrency: Positive = 8
    timeout: Annotated[float, Field(gt=0)] = 120.0
    retries: Annotated[int, Field(ge=0)] = 5
    max_tokens_field: str = "max_tokens"
    structured: Literal["json_schema", "json_object", "none"] = "json_schema"
    temperature: float | None = None
    usd_per_million_in: Price | None = None
    usd_per_million_out: Price | None = None
    give_up_after: Positive = 20
    extra: dict[str, Any] = field(default_factory=dict)

    def key(self) -> str:
        """The key, from the environment.

        Raises:
            ValueError: The variable is not set; the message names it.
        """
        if not self.key_variable:
            return "unused"
        if key := os.environ.get(self.key_variable, "").strip():
            return key
        raise ValueError(f"the environment variable {self.key_variable} does not hold a key")


@dataclass(frozen=True, config=STRICT)
class Budget:
    """What a run may cost in all, over all its starts: US dollars, tokens, or both."""

    usd: Price | None = None
    tokens: Annotated[int, Field(ge=0)] | None = None


class Spending(Protocol):
    """The settings of any run that pays an endpoint."""

    @property
    def endpoint(self) -> EndpointConfig:
        """Whom to ask."""

    @property
    def budget(self) -> Budget:
        """What it may cost."""


@dataclass(frozen=True, config=STRICT)
class QuerySource:
    """Where given queries come from: a JSON Lines file, and its fields.

    `positive` names the passage that answers the query, if there is one; it stays with the row and
    is never shown to the language model.
    """

    file: Path
    query: str
    positive: str | None = None


@dataclass(frozen=True, config=STRICT)
class KindConfig:
    """How much of a kind is asked for.

    Args:
        calls: How many replies.
        rows: How many rows a reply.
        prompt: Prompt file; the bundled one where none is named.
        fields: Lists that the kind has for itself, over the common ones.
        queries: Where given queries come from, for a kind that starts from some.
    """

    calls: Positive
    rows: Positive
    prompt: Path
    fields: Lists = field(default_factory=dict)
    queries: QuerySource | None = None


@dataclass(frozen=True, config=STRICT)
class DistilConfig:
    """Everything a distillation depends on, but for the key.

    Args:
        name: Names the run's folder.
        seed: Seeds what is drawn from the lists.
        endpoint: Whom to ask.
        budget: What it may cost.
        fields: Lists that places in the prompts are filled from.
        kinds: The kinds of row to ask for.
        runs: Folder of the runs.
        corpus: Folder of rows, `<kind>.*.jsonl`, that no new row may repeat.
    """

    name: Annotated[str, Field(pattern=r"^[\w.-]+$")]
    seed: int
    endpoint: EndpointConfig
    budget: Budget
    fields: Lists
    kinds: dict[str, KindConfig]
    runs: Path = Path("runs")
    corpus: Path = Path(__file__).parents[1] / "data"

    @property
    def folder(self) -> Path:
        """Where replies, rows, rejections and figures go."""
        return self.runs / self.name


def read_distillation(path: Path) -> DistilConfig:
    """Read a distillation.

    Raises:
        ValueError: A key is missing, unknown or has a value of the wrong kind; there is no such
            kind of row; or nothing would stop the spending. The message names file and key.
    """
    table, where = read_toml(path), str(path)
    kinds = subtable(table, "kinds", where)
    if unknown := sorted(set(kinds) - set(KINDS)):
        known = ", ".join(KINDS)
        raise ValueError(f"{where}: kinds: unknown kind {', '.join(unknown)}; there are {known}")
    if not kinds:
        raise ValueError(f"{where}: kinds names none, so there is nothing to ask for")
    sections = read_spending(table, where)
    sections["kinds"] = {
        name: read_kind(name, subtable(kinds, name, f"{where}: kinds"), path) for name in kinds
    }
    sections |= {name: Path(table[name]) for name in ("runs", "corpus") if name in table}
    config = checked(DistilConfig, {**table, **sections}, where)
    check_budget(config, where)
    return config


def read_spending(table: dict[str, Any], where: str) -> dict[str, Any]:
    """Read whom a run asks and what it may cost, as far as its file says so."""
    return {
        name: checked(section, subtable(table, name, where), f"{where}: {name}")
        for name, section in (("endpoint", EndpointConfig), ("budget", Budget))
        if name in table
    }


def read_kind(name: str, table: dict[str, Any], path: Path) -> KindConfig:
    """Read the table of a kind; its files are named from where the experiment file is."""
    where = f"{path}: kinds.{name}"
    prompt = path.parent / table["prompt"] if "prompt" in table else PROMPTS / f"{name}.md"
    values = {**table, "prompt": prompt}
    if "queries" in table:
        queries = subtable(table, "queries", where)
        if "file" in queries:
            queries = {**queries, "file": path.parent / queries["file"]}
        values["queries"] = checked(QuerySource, queries, f"{where}.queries")
    if ("queries" in KINDS[name].fields) != ("queries" in values):
        needs = "needs" if "queries" in KINDS[name].fields else "takes no"
        raise ValueError(f"{where}: {needs} queries")
    return checked(KindConfig, values, where)


def checked(section: type[Section], values: dict[str, Any], where: str) -> Section:
    """Build a section whose values are checked as well as its keys.

    Raises:
        ValueError: Either is wrong; the message is one line.
    """
    try:
        return read_section(section, values, where)
    except ValidationError as error:
        raise ValueError(f"{where}: {first_fault(error)}") from None


def check_budget(config: Spending, where: str) -> None:
    """Refuse a run that nothing stops, or whose cost in dollars nobody can reckon."""
    budget, endpoint = config.budget, config.endpoint
    if budget.usd is None and budget.tokens is None:
        raise ValueError(f"{where}: budget sets neither usd nor tokens: nothing would stop it")
    priced = None not in (endpoint.usd_per_million_in, endpoint.usd_per_million_out)
    if budget.usd is not None and not priced:
        prices = "usd_per_million_in and usd_per_million_out"
        raise ValueError(f"{where}: budget.usd needs endpoint.{prices}")

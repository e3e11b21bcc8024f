"""An encoder behind HTTP, asked as OpenAI's or text-embeddings-inference's clients ask."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn

import numpy as np
from openai import APIConnectionError, APIStatusError, APITimeoutError, OpenAI
from pydantic import BaseModel, Field, TypeAdapter, ValidationError, field_validator
from tqdm import tqdm

from training.distil.endpoint import is_html, told, without_key
from training.distil.text import first_fault, one_line
from training.evaluation.encoding import Vectors, unit
from training.evaluation.target import KEY_VARIABLE, Contract, Target

BATCH = 64
# Seconds that an answer may take, and further tries after 408, 409, 429, 5xx, a time-out or a
# broken connection: with growing pauses, or that which Retry-After asks for.
TIMEOUT = 120.0
RETRIES = 5
# What servers say to a batch that holds more texts or bytes than they take.
TOO_LARGE = (413, 422)
PROBE = "The pump is not open."

Vector = Annotated[list[Annotated[float, Field(allow_inf_nan=False)]], Field(min_length=1)]


class Item(BaseModel):
    """A vector, and the position of its text in the request."""

    index: int
    embedding: Vector


class Embeddings(BaseModel):
    """An answer of OpenAI's contract."""

    data: list[Item]

    @field_validator("data")
    @classmethod
    def _once_each(cls, items: list[Item]) -> list[Item]:
        if len({item.index for item in items}) < len(items):
            raise ValueError("two vectors have one index")
        return items


@dataclass(frozen=True)
class Dialect:
    """How a contract writes a request and reads an answer.

    Args:
        path: What follows the endpoint's address.
        write: Body of the request, from the texts and the name of the model.
        read: The vectors in the answer's body, in the order of the texts.
        example: What an address looks like.
    """

    path: str
    write: Callable[[list[str], str], dict[str, Any]]
    read: Callable[[str], list[list[float]]]
    example: str


def read_openai(body: str) -> list[list[float]]:
    """The vectors of an answer of OpenAI's, by their index.

    Raises:
        pydantic.ValidationError: It is none.
    """
    items = Embeddings.model_validate_json(body).data
    return [item.embedding for item in sorted(items, key=lambda item: item.index)]


DIALECTS: dict[Contract, Dialect] = {
    "openai": Dialect(
        "/embeddings",
        lambda texts, model: {"model": model, "input": texts, "encoding_format": "float"},
        read_openai,
        "openai:http://host/v1#model",
    ),
    "tei": Dialect(
        "/embed",
        lambda texts, _: {"inputs": texts, "truncate": True},
        TypeAdapter(list[Vector]).validate_json,
        "tei:http://host",
    ),
}


class RemoteEncoder:
    """Texts to unit vectors, as an endpoint computes them.

    Asks for one vector at once, so that a wrong address or key is told before long work.

    Args:
        target: An endpoint.
        timeout: Seconds that an answer may take.
        retries: Further tries of a request that may go better.

    Raises:
        ValueError: The endpoint is of no use; the message is one line.
    """

    def __init__(self, target: Target, *, timeout: float = TIMEOUT, retries: int = RETRIES) -> None:
        if target.contract is None:
            raise ValueError(f"{target.address} is no endpoint")
        self.dialect = DIALECTS[target.contract]
        self.target = target
        self.batch = BATCH
        self.key = os.environ.get(KEY_VARIABLE, "").strip()
        self.client = OpenAI(
            base_url=target.place,
            api_key=self.key or "unused",
            timeout=timeout,
            max_retries=retries,
        )
        self.dimensions = 0
        self.dimensions = self([PROBE]).shape[1]

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Encode in batches, smaller ones from where the endpoint refuses one for its size.

        Raises:
            ValueError: The endpoint fails after all tries, or answers what is no vector.
        """
        found: list[Vectors] = []
        done = 0
        with tqdm(
            total=len(texts), desc="Encoding", disable=len(texts) < 10 * BATCH, leave=False
        ) as progress:
            while done < len(texts):
                batch = list(texts[done : done + self.batch])
                body = self.ask(batch)
                if body is None:
                    self.batch = len(batch) // 2
                    continue
                found.append(self.read(body, len(batch)))
                done += len(batch)
                progress.update(len(batch))
        return np.concatenate(found)

    def ask(self, texts: list[str]) -> str | None:
        """The body of the answer, or None where fewer texts should be sent.

        Raises:
            ValueError: There is no answer; the message says why.
        """
        body = self.dialect.write(texts, self.target.model)
        try:
            return self.client.post(self.dialect.path, body=body, cast_to=str)
        except APIStatusError as error:
            if error.status_code in TOO_LARGE and len(texts) > 1:
                return None
            self.refuse(error)
        except APITimeoutError:
            tries = self.client.max_retries + 1
            seconds = f"{self.client.timeout:g} s"
            raise ValueError(
                f"{self.where}: no answer within {seconds}, in {tries} tries"
            ) from None
        except APIConnectionError as error:
            why = one_line(error.__cause__ or error)
            raise ValueError(f"{self.where}: no connection: {why}") from None

    def refuse(self, error: APIStatusError) -> NoReturn:
        """Say what a status means, in one line."""
        said = f"({error.status_code}): {told(error, self.key)}"
        match error.status_code:
            case 401 | 403 if self.key:
                line = f"the key in {KEY_VARIABLE} is refused {said}"
            case 401 | 403:
                line = f"it wants a key, and {KEY_VARIABLE} holds none {said}"
            case 404:
                line = f"no such path, or no model {self.target.model!r} {said}"
            case status:
                line = f"status {status}: {told(error, self.key)}"
        raise ValueError(f"{self.where}: {line}") from None

    def read(self, body: str, texts: int) -> Vectors:
        """Unit vectors of an answer, (texts, dimensions).

        Raises:
            ValueError: It is not what the contract promises.
        """
        if is_html("", body):
            example = self.dialect.example
            raise ValueError(f"{self.where} answers HTML: is it the API's address ({example})?")
        try:
            rows = self.dialect.read(body)
        except ValidationError as error:
            fault = without_key(first_fault(error), self.key)
            raise ValueError(f"{self.where}: no vectors in the answer: {fault}") from None
        if len(rows) != texts:
            raise ValueError(f"{self.where}: {len(rows)} vectors came for {texts} texts")
        expected = self.dimensions or len(rows[0])
        if others := {len(row) for row in rows} - {expected}:
            raise ValueError(
                f"{self.where}: a vector has {min(others)} numbers, and the first had {expected}"
            )
        vectors = np.array(rows)
        if not np.all(vectors.any(axis=1)):
            raise ValueError(f"{self.where}: a vector is zero, so it points nowhere")
        return unit(vectors).astype(np.float32)

    @property
    def where(self) -> str:
        """The endpoint in messages."""
        return f"{self.target.place}{self.dialect.path}"

"""A chat endpoint behind the `openai` SDK, and what its faults mean for a run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from openai import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AsyncOpenAI,
    AuthenticationError,
    NotFoundError,
    OpenAIError,
    PermissionDeniedError,
)

from training.distil.config import EndpointConfig
from training.distil.plan import Call
from training.distil.reply import Usage, estimate
from training.distil.text import one_line

# A key shorter than this would be found in ordinary text.
SHORTEST_KEY = 8


class Stop(ValueError):
    """The run cannot go on; the message says why, in a line."""


class NoReply(Exception):
    """A call brought nothing that was paid for; others may do better."""


@dataclass(frozen=True)
class Answer:
    """The body of a reply, as it came, and how many tries had failed before."""

    body: str
    retries: int


class Endpoint:
    """Asks for rows; retries what may go better the next time."""

    def __init__(self, config: EndpointConfig) -> None:
        self._config = config
        self._key = config.key()
        self._client = AsyncOpenAI(
            base_url=config.base_url,
            api_key=self._key,
            timeout=config.timeout,
            max_retries=config.retries,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.close()

    def dearest(self, call: Call) -> Usage:
        """What a call may cost at most."""
        sent = json.dumps([call.messages, self._options(call)])
        return estimate(sent, self._config.max_tokens)

    async def ask(self, call: Call) -> Answer:
        """Send a call.

        Raises:
            Stop: No call can succeed: a wrong key, model or address.
            NoReply: This one failed, after all tries.
        """
        try:
            response = await self._client.chat.completions.with_raw_response.create(
                model=self._config.model,
                messages=call.messages,  # type: ignore[arg-type]
                extra_body=self._options(call),
            )
        except (AuthenticationError, PermissionDeniedError) as error:
            raise Stop(self._refused_key(error)) from None
        except NotFoundError as error:
            told = self._told(error)
            raise Stop(f"{self._where}: no such path or model (404): {told}") from None
        except APIStatusError as error:
            raise NoReply(f"status {error.status_code}: {self._told(error)}") from None
        except APITimeoutError:
            tries = self._config.retries + 1
            seconds = f"{self._config.timeout:g} s"
            raise NoReply(f"no reply within {seconds}, in {tries} tries") from None
        except APIConnectionError as error:
            why = one_line(error.__cause__ or error)
            raise Stop(f"{self._config.base_url}: no connection: {why}") from None
        except OpenAIError as error:
            raise NoReply(one_line(self._clean(str(error)))) from None
        body = self._clean(response.text)
        if is_html(response.headers.get("content-type", ""), body):
            raise Stop(f"{self._config.base_url} answers HTML: is it the API's address (…/v1)?")
        return Answer(body, response.retries_taken)

    @property
    def _where(self) -> str:
        return f"{self._config.base_url}, model {self._config.model}"

    def _options(self, call: Call) -> dict[str, Any]:
        """What is sent beside model and messages."""
        config = self._config
        options: dict[str, Any] = {config.max_tokens_field: config.max_tokens, **config.extra}
        if config.temperature is not None:
            options["temperature"] = config.temperature
        if config.structured == "json_object":
            options["response_format"] = {"type": "json_object"}
        elif config.structured == "json_schema":
            schema = {"name": call.kind, "schema": call.schema, "strict": True}
            options["response_format"] = {"type": "json_schema", "json_schema": schema}
        return options

    def _refused_key(self, error: APIStatusError) -> str:
        holder = self._config.key_variable
        key = f"the key in {holder}" if holder else "a call without a key"
        told = self._told(error)
        return f"{self._config.base_url}: {key} is refused ({error.status_code}): {told}"

    def _told(self, error: APIStatusError) -> str:
        return told(error, self._key)

    def _clean(self, text: str) -> str:
        return without_key(text, self._key)


def told(error: APIStatusError, key: str) -> str:
    """An endpoint's own words on what is wrong, in one line and without the key."""
    text = error.response.text
    if is_html(error.response.headers.get("content-type", ""), text):
        return "an HTML page: is it the API's address (…/v1)?"
    return one_line(without_key(message_of(error.body) or text or "without a word", key))


def without_key(text: str, key: str) -> str:
    """A text of an endpoint's without the key, should it say it again."""
    return text.replace(key, "***") if len(key) >= SHORTEST_KEY else text


def is_html(content_type: str, body: str) -> bool:
    """Whether this is a page for people."""
    return "html" in content_type or body.lstrip()[:1] == "<"


def message_of(body: object) -> str | None:
    """The message in an error of OpenAI's shape, with or without its envelope, or a plain one."""
    inner = body.get("error", body) if isinstance(body, dict) else body
    message = inner.get("message") if isinstance(inner, dict) else inner
    return message if isinstance(message, str) else None

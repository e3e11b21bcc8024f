"""What a user wants measured: a folder, a name on the hub, or an endpoint and its contract."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args
from urllib.parse import urlsplit

Contract = Literal["openai", "tei"]

KEY_VARIABLE = "EVALUATE_API_KEY"
HUB_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
FORMS = "a folder, a name on the hub, openai:http://host/v1#model or tei:http://host"

# The options of a command line that names encoders.
OPTIONS: dict[str, dict[str, Any]] = {
    "--model": {"metavar": "ADDRESS", "help": f"measure this encoder instead: {FORMS}"},
    "--against": {"metavar": "ADDRESS", "help": "a further encoder for the table, named likewise"},
}


@dataclass(frozen=True)
class Target:
    """An encoder as a user names it.

    Args:
        address: As it was given; it holds no key.
        contract: What an endpoint speaks; None for a folder or a name on the hub.
        place: The folder, the name or the endpoint's URL.
        model: What the endpoint calls the model.
    """

    address: str
    contract: Contract | None
    place: str
    model: str = "default"

    @property
    def name(self) -> str:
        """The address as the name of a folder: other than letters and digits become dashes."""
        return re.sub(r"[^\w.-]+", "-", self.address).strip("-.")


def read_target(text: str) -> Target:
    """Read an address.

    Raises:
        ValueError: It is none; the message says what would be.
    """
    contract, _, rest = text.partition(":")
    if contract in get_args(Contract):
        return _read_endpoint(text, cast(Contract, contract), rest)
    if "://" in text:
        raise ValueError(f"{_safe(text)} does not say what it speaks: put openai: or tei: before")
    if not (text and Path(text).is_dir()) and not HUB_NAME.fullmatch(text):
        raise ValueError(f"there is no folder {text!r} to measure: name {FORMS}")
    return Target(text, None, text)


def named(
    experiment: Path | None, model: str | None, against: str | None
) -> Path | tuple[Target, Target | None]:
    """What a command line names: an experiment, whose encoder is meant, or encoders themselves.

    Raises:
        ValueError: It names neither, or both.
    """
    if experiment is not None and model is None and against is None:
        return experiment
    if experiment is None and model is not None:
        return read_target(model), read_target(against) if against else None
    raise ValueError("name either an experiment file or --model, and --against with --model")


def _read_endpoint(text: str, contract: Contract, rest: str) -> Target:
    url, _, model = rest.partition("#")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"{_safe(text)} is no address: name {FORMS}")
    if parts.query or "@" in parts.netloc:
        raise ValueError(
            f"{_safe(text)}: an address holds no user and no query; a key goes into {KEY_VARIABLE}"
        )
    return Target(text, contract, url.rstrip("/"), *[model] * bool(model))


def _safe(text: str) -> str:
    """An address without what may be a secret in it."""
    return re.sub(r"//[^/@]*@", "//…@", text.partition("?")[0])

"""What a client asks for, and how each contract writes it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import orjson
from numpy.typing import NDArray

Kind = Literal["embed", "pairs", "rerank"]
Contract = Literal["litotes", "tei", "openai", "echo"]


@dataclass(frozen=True)
class Call:
    """One request, whatever the contract.

    Attributes:
        kind: What is asked for.
        texts: Texts to embed; or two for each pair to check; or a query and then passages to rank.
        tokens: Tokens of the texts, special tokens included.
    """

    kind: Kind
    texts: tuple[str, ...]
    tokens: int

    @property
    def items(self) -> int:
        """How many results are asked for."""
        match self.kind:
            case "pairs":
                return len(self.texts) // 2
            case "rerank":
                return len(self.texts) - 1
            case _:
                return len(self.texts)


@dataclass(frozen=True)
class Rendered:
    """A call as a contract writes it.

    Attributes:
        path: Where it is posted.
        body: JSON.
        items: Results that the answer must hold.
        tokens: Tokens of its texts.
        contract: Whose words it is in.
    """

    path: str
    body: str
    items: int
    tokens: int
    contract: Contract


def render(call: Call, contract: Contract) -> Rendered | None:
    """Write a call; None where the contract has no such request."""
    writer = _WRITERS[contract].get(call.kind)
    if writer is None:
        return None
    path, payload = writer(call)
    return Rendered(path, orjson.dumps(payload).decode(), call.items, call.tokens, contract)


def count_results(contract: Contract, body: bytes) -> int:
    """Return how many results an answer holds.

    Raises:
        ValueError: It is no answer of this contract.
    """
    answer = orjson.loads(body)
    if isinstance(answer, dict):
        answer = answer.get("data")
    if not isinstance(answer, list):
        raise ValueError(f"not an answer of the {contract} contract")
    return len(answer)


def read_vectors(body: bytes) -> NDArray[np.float32]:
    """Return the vectors of an answer to a call to embed, (texts, dimensions).

    Raises:
        ValueError: It holds none.
    """
    answer: Any = orjson.loads(body)
    if isinstance(answer, dict):
        answer = [item["embedding"] for item in answer.get("data", ())]
    if not answer:
        raise ValueError("the answer holds no vectors")
    if isinstance(answer[0], str):
        answer = [np.frombuffer(base64.b64decode(row), dtype="<f4") for row in answer]
    return np.asarray(answer, dtype=np.float32)


Writer = Callable[[Call], tuple[str, Mapping[str, Any]]]


def _openai(call: Call) -> tuple[str, Mapping[str, Any]]:
    # What OpenAI's own client asks for unless it is told otherwise.
    return "/v1/embeddings", {
        "model": "default",
        "input": call.texts,
        "encoding_format": "base64",
    }


def _tei(call: Call) -> tuple[str, Mapping[str, Any]]:
    return "/embed", {"inputs": call.texts, "truncate": True}


def _tei_rerank(call: Call) -> tuple[str, Mapping[str, Any]]:
    query, *passages = call.texts
    return "/rerank", {"query": query, "texts": passages, "truncate": True}


def _pairs(call: Call) -> tuple[str, Mapping[str, Any]]:
    pairs = [
        {"a": first, "b": second}
        for first, second in zip(call.texts[::2], call.texts[1::2], strict=True)
    ]
    return "/negation-check", {"pairs": pairs}


_WRITERS: dict[Contract, dict[Kind, Writer]] = {
    "litotes": {"embed": _openai, "pairs": _pairs, "rerank": _tei_rerank},
    "tei": {"embed": _tei, "rerank": _tei_rerank},
    "openai": {"embed": _openai},
    "echo": {"embed": _openai},
}

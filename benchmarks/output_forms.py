"""Bytes and milliseconds of each output form: `python -m benchmarks.output_forms`.

Serves a model, asks for many vectors in every form over a real socket, and prints a table. The
milliseconds begin when the vectors are there, and end when the client has them as an array: writing
them, sending them and reading them. How long the model takes for the texts is the same for every
form, and is left out.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import http.client
import statistics
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from benchmarks import server

MODEL = server.ROOT / "models/litotes-small"
VECTORS = 1000
REPEATS = 7

Array = NDArray[Any]
Headers = Mapping[str, str]


@dataclass(frozen=True)
class Form:
    """A way to ask for vectors, and to read them.

    Attributes:
        name: What the table calls it.
        path: The route.
        texts: The request's field for the texts.
        read: Makes an array of a response's body and headers.
        fields: The request's other fields.
        accept: What the client asks for.
    """

    name: str
    path: str
    texts: str
    read: Callable[[bytes, Headers], Array]
    fields: Mapping[str, Any]
    accept: str = "application/json"


@dataclass(frozen=True)
class Answer:
    """What one request cost.

    Attributes:
        size: Bytes of the response's body.
        milliseconds: From the vectors to the client's array.
    """

    size: int
    milliseconds: float


def read_tei(body: bytes, _: Headers) -> Array:
    """Read a matrix of JSON numbers."""
    return np.array(orjson.loads(body), dtype=np.float32)


def read_octets(body: bytes, headers: Headers) -> Array:
    """Read plain bytes."""
    shape = tuple(map(int, headers["x-embedding-shape"].split(",")))
    return np.frombuffer(body, dtype="<f4").reshape(shape)


def read_openai(body: bytes, _: Headers) -> Array:
    """Read OpenAI's list of items, of numbers or of base64."""
    rows = [item["embedding"] for item in orjson.loads(body)["data"]]
    return decode(rows) if isinstance(rows[0], str) else np.array(rows, dtype=np.float32)


def cohere_reader(form: str) -> Callable[[bytes, Headers], Array]:
    """Make what reads one of Cohere's forms."""
    kinds: dict[str, type[np.generic]] = {"float": np.float32, "int8": np.int8, "binary": np.int8}

    def read(body: bytes, _: Headers) -> Array:
        rows = orjson.loads(body)["embeddings"][form]
        return decode(rows) if form == "base64" else np.array(rows, kinds.get(form, np.uint8))

    return read


def decode(rows: Sequence[str]) -> Array:
    """Read vectors in base64."""
    return np.stack([np.frombuffer(base64.b64decode(row), dtype="<f4") for row in rows])


def cohere(form: str) -> Form:
    """One of Cohere's forms."""
    fields = {"embedding_types": [form]}
    return Form(f"`/v2/embed`, `{form}`", "/v2/embed", "texts", cohere_reader(form), fields)


FORMS = (
    Form("`/embed`, JSON floats", "/embed", "inputs", read_tei, {}),
    Form("`/embed`, octets", "/embed", "inputs", read_octets, {}, "application/octet-stream"),
    Form("`/v1/embeddings`, `float`", "/v1/embeddings", "input", read_openai, {}),
    Form(
        *("`/v1/embeddings`, `base64`", "/v1/embeddings", "input", read_openai),
        {"encoding_format": "base64"},
    ),
    *map(cohere, ("float", "base64", "int8", "uint8", "binary", "ubinary")),
)


def ask(address: str, form: Form, texts: Sequence[str]) -> Answer:
    """Ask for the vectors of all texts, over a connection of its own.

    Raises:
        ValueError: The service refused, or gave another number of vectors.
    """
    body = orjson.dumps({form.texts: texts, **form.fields})
    headers = {"content-type": "application/json", "accept": form.accept}
    with contextlib.closing(http.client.HTTPConnection(address)) as connection:
        started = time.perf_counter()
        connection.request("POST", form.path, body, headers)
        response = connection.getresponse()
        content = response.read()
    if response.status != http.HTTPStatus.OK:
        raise ValueError(f"{form.name}: {response.status} {content[:200]!r}")
    answered = {name.lower(): value for name, value in response.getheaders()}
    array = form.read(content, answered)
    total = 1000 * (time.perf_counter() - started)
    if len(array) != len(texts):
        raise ValueError(f"{form.name}: {len(array)} vectors for {len(texts)} texts")
    return Answer(len(content), total - float(answered["x-total-time"]))


def measure(url: str, texts: Sequence[str], repeats: int) -> dict[str, list[Answer]]:
    """Ask for each form in turn, several times over."""
    address = urllib.parse.urlsplit(url).netloc
    answers: dict[str, list[Answer]] = {form.name: [] for form in FORMS}
    for _ in range(repeats):
        for form in FORMS:
            answers[form.name].append(ask(address, form, texts))
    return answers


def table(answers: Mapping[str, Sequence[Answer]]) -> str:
    """Write bytes, and median and least milliseconds, each beside that of the first form."""
    costs = {
        name: (
            float(found[0].size),
            statistics.median(each.milliseconds for each in found),
            min(each.milliseconds for each in found),
        )
        for name, found in answers.items()
    }
    base = next(iter(costs.values()))
    lines = [
        "| form | bytes | ratio | median ms | ratio | least ms | ratio |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name, cost in costs.items():
        size, median, least = (own / first for own, first in zip(cost, base, strict=True))
        lines.append(
            f"| {name} | {cost[0]:,.0f} | {size:.2f} | {cost[1]:.1f} | {median:.2f}"
            f" | {cost[2]:.1f} | {least:.2f} |"
        )
    return "\n".join(lines)


def main(model: Path, vectors: int, repeats: int) -> str:
    """Measure every form and return the table."""
    # Short ones, as the model's own time is not what is measured.
    texts = [f"no {number}" for number in range(vectors)]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "server.log"
        with server.litotes(model, log=log) as served:
            return table(measure(served.url, texts, repeats))


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Measure each output form of the service.")
    parser.add_argument("--model", type=Path, default=MODEL, help="folder of the encoder")
    parser.add_argument("--vectors", type=int, default=VECTORS, help="vectors a request")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="requests a form")
    return parser.parse_args()


if __name__ == "__main__":
    options = arguments()
    print(main(options.model, options.vectors, options.repeats))

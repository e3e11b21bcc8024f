"""A text that the pair model fails on is named, whatever was made of it before it was run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from serving import serving
from tiny_models import build_tokenizer

from service.backend import OnnxBackend
from service.encoding import Encoding
from service.settings import Settings

# The pair model fails on the one unless the other is there too.
POISON, REMEDY = "hotel", "good"
LONG = "no " * 60


@pytest.fixture(scope="module")
def poisoned_client(settings: Settings, reranking_folder: Path) -> Iterator[httpx.Client]:
    """A client of a server whose pair model fails on some pairs."""
    poison, remedy = (build_tokenizer().token_to_id(word) for word in (POISON, REMEDY))
    run = OnnxBackend.run

    def run_unless_poisoned(backend: OnnxBackend, encodings: Sequence[Encoding]) -> np.ndarray:
        for each in encodings:
            if each.type_ids.any() and poison in each.ids and remedy not in each.ids:
                raise RuntimeError("poisoned")
        return run(backend, encodings)

    both = settings.model_copy(update={"pair_model": reranking_folder})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OnnxBackend, "run", run_unless_poisoned)
        with serving(both) as url, httpx.Client(base_url=url) as http:
            yield http


PAIRS = [{"a": "no", "b": "no pool"}, {"a": "bad", "b": f"a {POISON}"}]
RERANKED = ["no", "no", LONG, LONG + POISON, "bad", LONG + POISON]


@pytest.mark.parametrize(
    ("path", "body", "index", "label"),
    [
        ("/rerank", {"query": "no", "texts": RERANKED}, 3, "`texts[3]`"),
        ("/v1/rerank", {"query": "no", "documents": RERANKED}, 3, "`documents[3]`"),
        ("/v2/rerank", {"query": "no", "documents": RERANKED}, 3, "`documents[3]`"),
        ("/negation-check", {"pairs": PAIRS, "explain": True}, 1, "`pairs[1]`"),
        (
            "/negation-check",
            {"claim": "no", "passages": ["Bad. Good.", f"Bad. No. It is {POISON}."]},
            1,
            "`passages[1]`",
        ),
    ],
)
def test_a_text_that_the_model_fails_on_is_named(
    poisoned_client: httpx.Client, path: str, body: dict[str, Any], index: int, label: str
) -> None:
    response = poisoned_client.post(path, json=body)
    error = response.json()
    where = error["error"] if path == "/v1/rerank" else error
    message = where.get("message") or where["error"]
    assert response.status_code == 424
    assert where["index"] == index
    assert message == f"{label}: the model failed on this text"


def test_an_occlusion_that_the_model_fails_on_is_named_by_its_pair(
    poisoned_client: httpx.Client,
) -> None:
    pairs = [PAIRS[0], {"a": "no", "b": f"a {REMEDY} {POISON}"}, PAIRS[0]]
    assert poisoned_client.post("/negation-check", json={"pairs": pairs}).status_code == 200
    response = poisoned_client.post("/negation-check", json={"pairs": pairs, "explain": True})
    assert (response.status_code, response.json()["index"]) == (424, 1)
    assert response.json()["error"] == "`pairs[1]`: the model failed on this text"

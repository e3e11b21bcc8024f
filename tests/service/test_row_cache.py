"""Vectors of texts that come again, with and without the server around them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import numpy as np
import pytest
from serving import serving

from service.encoding import Encoding
from service.row_cache import RowCache
from service.settings import Settings

TEXTS = ["a hotel without a pool", "the drug works", "no pool", "the pool was good"]


def encoding(*ids: int) -> Encoding:
    array = np.array(ids, dtype=np.int32)
    return Encoding(array, np.zeros_like(array), False, len(ids))


def rows(*values: float) -> np.ndarray:
    return np.array([[value] for value in values], dtype=np.float32)


def found(cache: RowCache, *encodings: Encoding) -> dict[int, float]:
    return {place: float(row[0]) for place, row in cache.find(encodings).items()}


def test_rows_are_found_by_their_tokens() -> None:
    cache = RowCache(5)
    cache.keep([encoding(1, 2), encoding(3)], rows(12, 3))
    assert found(cache, encoding(3), encoding(4), encoding(1, 2)) == {0: 3, 2: 12}


def test_the_least_recently_asked_for_goes_first() -> None:
    cache = RowCache(2)
    cache.keep([encoding(1), encoding(2)], rows(1, 2))
    cache.find([encoding(1)])
    cache.keep([encoding(3)], rows(3))
    assert len(cache) == 2
    assert found(cache, encoding(1), encoding(2), encoding(3)) == {0: 1, 2: 3}


def test_without_room_nothing_is_kept() -> None:
    cache = RowCache(0)
    cache.keep([encoding(1)], rows(1))
    assert len(cache) == 0
    assert cache.find([encoding(1)]) == {}


def test_a_row_is_not_changed_by_who_got_it() -> None:
    cache, given = RowCache(1), rows(1)
    cache.keep([encoding(1)], given)
    given[:] = 7
    assert found(cache, encoding(1)) == {0: 1}


def test_who_asks_for_the_vectors_of_tokens_is_run() -> None:
    cache = RowCache(1)
    cache.keep([encoding(1)], rows(1))
    asking = encoding(1)
    object.__setattr__(asking, "token_vectors", [])
    assert cache.find([asking]) == {}


@pytest.fixture(scope="module")
def caching_client(settings: Settings) -> Iterator[httpx.Client]:
    caching = settings.model_copy(update={"max_cached_vectors": 3})
    with serving(caching) as url, httpx.Client(base_url=url) as http:
        yield http


def embed(client: httpx.Client, texts: Sequence[str], **fields: Any) -> list[list[float]]:  # noqa: ANN401
    response = client.post("/embed", json={"inputs": texts, **fields})
    return list(response.raise_for_status().json())


def cached(client: httpx.Client) -> float:
    lines = client.get("/metrics").text.splitlines()
    return sum(
        float(line.split()[-1]) for line in lines if line.startswith("litotes_cached_texts_total")
    )


def test_what_comes_again_is_not_run_again_and_has_the_same_vector(
    caching_client: httpx.Client, client: httpx.Client
) -> None:
    before = cached(caching_client)
    first = embed(caching_client, TEXTS[:2])
    mixed = embed(caching_client, [TEXTS[2], TEXTS[1], TEXTS[0], TEXTS[1]])
    assert cached(caching_client) == before + 2
    assert [mixed[2], mixed[1], mixed[3]] == [first[0], first[1], first[1]]
    np.testing.assert_allclose(
        mixed, embed(client, [TEXTS[2], TEXTS[1], TEXTS[0], TEXTS[1]]), atol=1e-5
    )
    again = caching_client.post("/embed", json={"inputs": TEXTS[:3]})
    assert again.json() == [first[0], first[1], mixed[0]]
    assert float(again.headers["x-inference-time"]) == 0
    assert cached(client) == 0


def test_another_form_of_the_same_text_is_made_from_the_same_row(
    caching_client: httpx.Client, client: httpx.Client
) -> None:
    embed(caching_client, TEXTS[:1])
    forms: list[dict[str, object]] = [{"dimensions": 3}, {"normalize": False}]
    for form in forms:
        ours = embed(caching_client, TEXTS[:1], **form)
        np.testing.assert_allclose(ours, embed(client, TEXTS[:1], **form), atol=1e-5)


def test_an_empty_text_beside_known_ones_is_named_by_its_place(
    caching_client: httpx.Client,
) -> None:
    embed(caching_client, TEXTS[:2])
    response = caching_client.post("/embed", json={"inputs": [*TEXTS[:2], " "]})
    assert response.status_code == 400
    assert "[2]" in response.json()["error"]

"""Reranking by a relevance that corrects the encoder's cosine, over a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from relevance import Oracle, build_reranking_pair
from serving import serving

from service.settings import Settings

SCALE = 7.5
QUERY = "no pool"
TEXTS = [
    "a hotel without a pool",
    "the drug works",
    "the pool was good , " * 12,
    "a hotel without a pool",
    "no",
    "the drug does not work , patients may never lower mortality",
]


@pytest.fixture(scope="module")
def correcting_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pair model whose relevance is to be added to the scaled cosine."""
    folder = build_reranking_pair(tmp_path_factory.mktemp("models") / "correcting")
    path = folder / "config.json"
    content = json.loads(path.read_text())
    content["litotes"]["similarity_scale"] = SCALE
    path.write_text(json.dumps(content))
    return folder


@pytest.fixture(scope="module")
def correcting(
    settings: Settings, two_part_folder: Path, correcting_folder: Path
) -> Iterator[httpx.Client]:
    """A client of a server with that pair model and a two-part encoder."""
    both = settings.model_copy(update={"model": two_part_folder, "pair_model": correcting_folder})
    with serving(both) as url, httpx.Client(base_url=url) as http:
        yield http


def scores(client: httpx.Client, query: str, texts: Sequence[str]) -> list[float]:
    """Raw scores, in the order of the texts."""
    body = {"query": query, "texts": texts, "raw_scores": True}
    response = client.post("/rerank", json=body)
    assert response.status_code == 200, response.text
    by_index = {item["index"]: item["score"] for item in response.json()}
    return [by_index[number] for number in range(len(texts))]


def embed(client: httpx.Client, texts: Sequence[str]) -> NDArray[np.float64]:
    response = client.post("/embed", json={"inputs": texts, "truncate": True})
    return np.array(response.raise_for_status().json())


def test_the_score_is_the_relevance_and_the_scaled_cosine(
    correcting: httpx.Client, correcting_folder: Path
) -> None:
    oracle = Oracle(correcting_folder)
    asked, *vectors = embed(correcting, [QUERY, *TEXTS])
    expected = [
        oracle.best(QUERY, text) + SCALE * float(vector @ asked)
        for text, vector in zip(TEXTS, vectors, strict=True)
    ]
    assert scores(correcting, QUERY, TEXTS) == pytest.approx(expected, abs=1e-3)


def test_the_sentences_of_a_passage_count_as_well(
    settings: Settings,
    two_part_folder: Path,
    correcting_folder: Path,
    correcting: httpx.Client,
) -> None:
    few, many = "the pool was good. no", ["the pool was good.", "no drug works.", "bad patients."]
    texts = [few, " ".join(many)]
    found = scores(correcting, QUERY, texts)
    asked, *vectors = embed(correcting, [QUERY, *texts])
    sentences = embed(correcting, many) @ asked
    cut = {"query": QUERY, "documents": [texts[1]], "max_tokens_per_doc": 30}
    whole = correcting.post("/v1/rerank", json=cut).json()["results"][0]["relevance_score"]
    off = {"model": two_part_folder, "pair_model": correcting_folder, "rerank_sentences": False}
    with serving(settings.model_copy(update=off)) as url, httpx.Client(base_url=url) as http:
        without = scores(http, QUERY, texts)
    oracle = Oracle(correcting_folder)
    relevance = [oracle.best(QUERY, text) for text in texts]
    of_sentences = np.array([oracle.best(QUERY, text) for text in many])
    agreements = np.array([oracle.agreement(QUERY, text) for text in many])
    cosines = [float(vector @ asked) for vector in vectors]
    alone = np.add(relevance, np.multiply(SCALE, cosines))
    soft = 0.1 * np.log(np.sum(np.exp(sentences / 0.1)) / np.sqrt(3))
    relevant = 0.5 * np.log(np.sum(np.exp(of_sentences / 0.5)) / np.sqrt(3))
    agreeing = np.log(np.mean(np.exp(agreements.clip(-2, 2))))
    expected = relevant + agreeing / 2 + SCALE * (cosines[1] + soft) / 2
    assert found[1] == pytest.approx(expected, abs=1e-3)
    assert found[1] != pytest.approx(alone[1], abs=0.01)
    # Of fewer than three sentences, cut, or switched off, a passage is compared as a whole.
    assert found[0] == pytest.approx(alone[0], abs=1e-3)
    assert whole == pytest.approx(1 / (1 + np.exp(-alone[1])), abs=1e-3)
    assert without == pytest.approx(alone.tolist(), abs=1e-3)


def test_a_passage_of_which_a_sentence_fails_is_named(correcting: httpx.Client) -> None:
    body = {"query": QUERY, "texts": ["no. bad. good pool. " * 40, " ", "no"]}
    response = correcting.post("/rerank", json=body)
    assert response.status_code == 400
    assert "texts[1]" in response.json()["error"]
    assert len(scores(correcting, QUERY, ["no. bad. good pool. " * 40, "no"])) == 2


def test_it_may_be_switched_off(
    settings: Settings, correcting_folder: Path, correcting: httpx.Client
) -> None:
    update = {"pair_model": correcting_folder, "rerank_similarity": False}
    with serving(settings.model_copy(update=update)) as url, httpx.Client(base_url=url) as http:
        alone = scores(http, QUERY, TEXTS)
    oracle = Oracle(correcting_folder)
    assert alone == pytest.approx([oracle.best(QUERY, text) for text in TEXTS], abs=1e-4)
    assert scores(correcting, QUERY, TEXTS) != pytest.approx(alone, abs=0.1)


def test_what_the_encoder_read_counts_as_well(
    correcting: httpx.Client, reranking_client: httpx.Client
) -> None:
    body = {"query": QUERY, "documents": TEXTS}
    tokens = [
        client.post("/v1/rerank", json=body).json()["usage"]["total_tokens"]
        for client in (correcting, reranking_client)
    ]
    assert tokens[0] > tokens[1]


def test_documents_are_cut_for_both_alike(correcting: httpx.Client) -> None:
    long, short = "the pool was good . " * 6, "the pool was"
    body = {"query": QUERY, "documents": [long, short], "max_tokens_per_doc": 3}
    results = correcting.post("/v1/rerank", json=body).json()["results"]
    assert results[0]["relevance_score"] == pytest.approx(results[1]["relevance_score"], abs=1e-5)


def test_a_query_that_the_pair_model_takes_and_the_encoder_cuts_is_answered(
    correcting: httpx.Client,
) -> None:
    assert len(scores(correcting, "the pool was good . " * 2, ["no"] * 3)) == 3


@pytest.mark.parametrize("place", [0, 3])
def test_an_empty_passage_is_named(correcting: httpx.Client, place: int) -> None:
    texts = ["a hotel", "no", "bad", "the pool"]
    texts[place] = " "
    response = correcting.post("/rerank", json={"query": QUERY, "texts": texts})
    assert response.status_code == 400
    assert f"texts[{place}]" in response.json()["error"]


def test_a_long_sentence_is_read_in_windows(
    correcting: httpx.Client, correcting_folder: Path
) -> None:
    long = ["the pool was never good , " * 8 + ".", "no drug works .", "bad patients ."]
    passage = " ".join(long)
    kept = correcting.post("/v1/rerank", json={"query": QUERY, "documents": [passage, "no"]})
    results = {item["index"]: item for item in kept.json()["results"]}
    alone = correcting.post("/v1/rerank", json={"query": QUERY, "documents": ["no"]}).json()
    assert results[1]["relevance_score"] == pytest.approx(
        alone["results"][0]["relevance_score"], abs=1e-5
    )
    tokens = kept.json()["usage"]["total_tokens"] - alone["usage"]["total_tokens"]
    oracle = Oracle(correcting_folder)
    # Beside the query and three special tokens each: more than the sentence fits into one window.
    assert tokens > len(oracle.tokens(passage)) + 4 * (len(oracle.tokens(QUERY)) + 3)


def test_many_sentences_are_one_document_to_cohere(correcting: httpx.Client) -> None:
    documents = ["No pool. Bad hotel. Good drug."] * 3 + [f"{n} no" for n in range(99)]
    answer = correcting.post("/v2/rerank", json={"query": QUERY, "documents": documents}).json()
    assert answer["meta"]["billed_units"] == {"search_units": 1}
    assert len({item["relevance_score"] for item in answer["results"] if item["index"] < 3}) == 1

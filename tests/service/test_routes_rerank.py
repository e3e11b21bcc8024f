"""/rerank, /v1/rerank and /v2/rerank, over a real server on tiny models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from relevance import ROOM, Oracle, build_reranking_pair
from serving import serving

from service.settings import Settings

QUERY = "no pool"
TEXTS = [
    "a hotel without a pool",
    "the drug works",
    "the pool was good . " * 12,
    "no",
    "bad",
    "the drug does not work , patients may never lower mortality",
]
ROUTES = {"/rerank": "texts", "/v1/rerank": "documents", "/v2/rerank": "documents"}
EVERYWHERE = pytest.mark.parametrize("path", ROUTES)


@pytest.fixture(scope="module")
def oracle(reranking_folder: Path) -> Oracle:
    return Oracle(reranking_folder)


def post(client: httpx.Client, path: str, query: str, texts: list[Any], **more: object) -> Any:  # noqa: ANN401
    body = {"query": query, ROUTES[path]: texts, **more}
    return client.post(path, content=json.dumps(body))


def ranked(client: httpx.Client, path: str, texts: list[Any], **more: object) -> list[Any]:
    """The results, under the same names whatever the family."""
    response = post(client, path, more.pop("query", QUERY), texts, **more)
    assert response.status_code == 200, response.text
    answer = response.json()
    results = answer if path == "/rerank" else answer["results"]
    return [
        {"index": r["index"], "score": r.get("score", r.get("relevance_score"))} | r
        for r in results
    ]


def message(path: str, response: httpx.Response) -> str:
    """The message, from where the clients of the family look for it."""
    error = response.json()
    if path == "/v1/rerank":
        assert error["detail"] == error["error"]["message"]
        return error["detail"]
    return error["message" if path == "/v2/rerank" else "error"]


def index_of(path: str, response: httpx.Response) -> int | None:
    error = response.json()
    return (error["error"] if path == "/v1/rerank" else error).get("index")


@EVERYWHERE
def test_texts_are_ranked_by_what_the_graph_says_of_their_best_window(
    reranking_client: httpx.Client, oracle: Oracle, path: str
) -> None:
    logits = np.array([oracle.best(QUERY, text) for text in TEXTS])
    results = ranked(reranking_client, path, TEXTS)
    assert [result["index"] for result in results] == np.argsort(-logits, kind="stable").tolist()
    for result in results:
        expected = 1 / (1 + np.exp(-logits[result["index"]]))
        assert result["score"] == pytest.approx(expected, abs=1e-5)


@EVERYWHERE
def test_raw_scores_are_logits(reranking_client: httpx.Client, oracle: Oracle, path: str) -> None:
    for result in ranked(reranking_client, path, TEXTS, raw_scores=True):
        expected = oracle.best(QUERY, TEXTS[result["index"]])
        assert result["score"] == pytest.approx(expected, abs=1e-4)


@EVERYWHERE
def test_thousands_of_texts_of_all_lengths_keep_their_places(
    reranking_client: httpx.Client, oracle: Oracle, path: str
) -> None:
    words = [
        "the",
        "of",
        "to",
        "and",
        "is",
        "was",
        "does",
        "not",
        "no",
        "may",
        "pool",
        "good",
        "bad",
    ]
    texts = [
        " ".join(words[(number * step) % len(words)] for step in range(1, 2 + number % 40))
        for number in range(2048)
    ]
    results = ranked(reranking_client, path, texts, raw_scores=True)
    assert sorted(result["index"] for result in results) == list(range(2048))
    scores = [result["score"] for result in results]
    assert scores == sorted(scores, reverse=True)
    for result in results[::97]:
        expected = oracle.best(QUERY, texts[result["index"]])
        assert result["score"] == pytest.approx(expected, abs=1e-4)


@EVERYWHERE
def test_of_two_texts_alike_the_earlier_comes_first(
    reranking_client: httpx.Client, path: str
) -> None:
    texts = [text for text in TEXTS for _ in range(3)]
    results = ranked(reranking_client, path, texts)
    for place in range(0, len(texts), 3):
        indices = [result["index"] for result in results[place : place + 3]]
        assert indices == sorted(indices)
        assert len({texts[index] for index in indices}) == 1
        assert len({result["score"] for result in results[place : place + 3]}) == 1


@EVERYWHERE
def test_the_query_comes_first_and_the_order_of_the_two_matters(
    reranking_client: httpx.Client, path: str
) -> None:
    (forward,) = ranked(reranking_client, path, [TEXTS[0]], raw_scores=True)
    (backward,) = ranked(reranking_client, path, [QUERY], query=TEXTS[0], raw_scores=True)
    assert forward["score"] != pytest.approx(backward["score"], abs=1e-2)


def test_texts_are_given_back_where_they_are_asked_for(reranking_client: httpx.Client) -> None:
    for result in ranked(reranking_client, "/rerank", TEXTS, return_text=True):
        assert result["text"] == TEXTS[result["index"]]
    assert "text" not in ranked(reranking_client, "/rerank", TEXTS)[0]


@pytest.mark.parametrize(("path", "by_default"), [("/v1/rerank", True), ("/v2/rerank", False)])
def test_documents_are_given_back_as_the_family_does(
    reranking_client: httpx.Client, path: str, by_default: bool
) -> None:
    assert all(("document" in r) is by_default for r in ranked(reranking_client, path, TEXTS))
    for result in ranked(reranking_client, path, TEXTS, return_documents=True):
        assert result["document"] == {"text": TEXTS[result["index"]]}
    for result in ranked(reranking_client, path, TEXTS, return_documents=False):
        assert "document" not in result


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank"])
def test_the_best_few_are_the_first_of_all(reranking_client: httpx.Client, path: str) -> None:
    everything = ranked(reranking_client, path, TEXTS)
    assert len(everything) == len(TEXTS)
    assert ranked(reranking_client, path, TEXTS, top_n=2) == everything[:2]
    assert ranked(reranking_client, path, TEXTS, top_n=1000) == everything
    assert ranked(reranking_client, path, TEXTS, top_n=None) == everything


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank"])
def test_documents_may_be_objects(reranking_client: httpx.Client, path: str) -> None:
    plain = ranked(reranking_client, path, TEXTS)
    objects = [{"text": text, "id": 3} for text in TEXTS]
    assert ranked(reranking_client, path, objects) == plain
    mixed = [TEXTS[0], *objects[1:]]
    assert ranked(reranking_client, path, mixed) == plain
    fields = [{"title": "no pool", "body": "a hotel"}, "no pool\na hotel"]
    results = ranked(
        reranking_client, path, fields, rank_fields=["title", "body"], return_documents=True
    )
    assert len({result["score"] for result in results}) == 1
    assert results[0]["document"] == {"text": "no pool\na hotel"}


def test_jina_is_told_the_model_and_the_tokens(reranking_client: httpx.Client) -> None:
    answer = post(reranking_client, "/v1/rerank", "no pool", ["bad", "good bad", "bad"]).json()
    assert set(answer) == {"id", "model", "usage", "results"}
    assert answer["model"] == "tiny-reranking-pair"
    # Two windows are run, with three special tokens each; the twin is not.
    assert answer["usage"] == {"prompt_tokens": 13, "total_tokens": 13}


def test_cohere_is_told_the_search_units(reranking_client: httpx.Client) -> None:
    answer = post(reranking_client, "/v2/rerank", "no pool", ["bad"]).json()
    assert set(answer) == {"id", "results", "meta"}
    version = {"version": "2"}
    assert answer["meta"] == {"api_version": version, "billed_units": {"search_units": 1}}
    texts = [f"{number} no" for number in range(101)]
    more = post(reranking_client, "/v2/rerank", "no pool", texts).json()
    assert more["meta"]["billed_units"] == {"search_units": 2}
    assert more["id"] != answer["id"]


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank"])
def test_documents_are_cut_where_it_is_asked_for_and_said_in_a_header(
    reranking_client: httpx.Client, oracle: Oracle, path: str
) -> None:
    texts = ["bad good the pool", "no", "bad good the pool was never good"]
    response = post(reranking_client, path, QUERY, texts, max_tokens_per_doc=4, raw_scores=True)
    assert response.headers["x-truncated-inputs"] == "2"
    scores = {r["index"]: r["relevance_score"] for r in response.json()["results"]}
    assert scores[2] == pytest.approx(scores[0], abs=1e-5)
    assert scores[0] == pytest.approx(oracle.best(QUERY, texts[0]), abs=1e-4)


@EVERYWHERE
def test_a_long_query_is_cut_and_said_in_a_header(
    reranking_client: httpx.Client, oracle: Oracle, path: str
) -> None:
    query = "the pool was never good and " * 9
    response = post(reranking_client, path, query, ["bad", "good"], raw_scores=True)
    assert response.headers["x-truncated-inputs"] == "query"
    assert response.headers["x-truncated-count"] == "1"
    kept = oracle.tokens(query)[: ROOM // 2]
    results = response.json() if path == "/rerank" else response.json()["results"]
    for result in results:
        expected = oracle.score(kept, oracle.tokens(["bad", "good"][result["index"]]))
        found = result.get("score", result.get("relevance_score"))
        assert found == pytest.approx(expected, abs=1e-4)


def test_the_end_of_the_query_that_is_cut_can_be_chosen(
    reranking_client: httpx.Client, oracle: Oracle
) -> None:
    query = "the pool was never good and bad " * 9
    kept = oracle.tokens(query)[-(ROOM // 2) :]
    for direction in ("left", "Left"):
        (result,) = post(
            *(reranking_client, "/rerank", query, ["no"]),
            raw_scores=True,
            truncation_direction=direction,
        ).json()
        expected = oracle.score(kept, oracle.tokens("no"))
        assert result["score"] == pytest.approx(expected, abs=1e-4)


def test_a_long_query_is_refused_where_it_may_not_be_cut(reranking_client: httpx.Client) -> None:
    response = post(reranking_client, "/rerank", "no " * 40, ["no"], truncate=False)
    assert response.status_code == 422
    assert response.json() == {
        "error": f"`query` must have at most {ROOM // 2} tokens. Given: 40",
        "error_type": "Validation",
    }
    # A long text is not cut, so that this says nothing of it.
    assert len(ranked(reranking_client, "/rerank", ["no " * 200], truncate=False)) == 1


@EVERYWHERE
def test_a_text_with_too_many_windows_is_refused_by_its_place(
    strict_client: httpx.Client, path: str
) -> None:
    texts = ["no", "no " * 40, "no " * 60]
    response = post(strict_client, path, "no pool", texts)
    assert (response.status_code, index_of(path, response)) == (422, 2)
    expected = f"`{ROUTES[path]}[2]` must fit beside the query into 2 windows of 27 tokens"
    assert message(path, response).startswith(expected)
    assert post(strict_client, path, "no pool", texts[:2]).status_code == 200


def test_cohere_cuts_after_its_usual_number_of_tokens(reranking_client: httpx.Client) -> None:
    # 4096 tokens need more windows of the tiny model than are allowed, so they are still refused.
    texts = ["no", "no " * 5000]
    assert post(reranking_client, "/v2/rerank", QUERY, texts).status_code == 422
    response = post(reranking_client, "/v2/rerank", QUERY, texts, max_tokens_per_doc=500)
    assert response.headers["x-truncated-inputs"] == "1"


@EVERYWHERE
def test_the_timing_is_told_in_headers(reranking_client: httpx.Client, path: str) -> None:
    headers = post(reranking_client, path, "no pool", ["bad", "😀"]).headers
    assert headers["x-compute-tokens"] == "12"
    assert headers["x-compute-characters"] == "11"
    assert headers["x-compute-type"] == "CPUExecutionProvider"
    assert headers["x-inference-time"].isdecimal()
    assert "x-truncated-inputs" not in headers


@EVERYWHERE
def test_fields_that_we_do_not_know_are_ignored(reranking_client: httpx.Client, path: str) -> None:
    plain = ranked(reranking_client, path, TEXTS)
    more = {"model": "theirs", "priority": 3, "options": {"wait_for_model": True}, "user": None}
    assert ranked(reranking_client, path, TEXTS, **more) == plain


@EVERYWHERE
@pytest.mark.parametrize(
    "text",
    [
        "日本語の文",
        "😀👩‍👩‍👧",
        "ёж",
        "नहीं",
        "...!?",
        "[SEP] not [MASK] [CLS]",
        "no " * 300,
        "a" * 5000,
    ],
)
def test_odd_texts_are_answered_and_nothing_moves(
    reranking_client: httpx.Client, path: str, text: str
) -> None:
    alone = {text: ranked(reranking_client, path, [text], raw_scores=True)[0]["score"]}
    alone |= {t: ranked(reranking_client, path, [t], raw_scores=True)[0]["score"] for t in TEXTS}
    texts = [*TEXTS[:3], text, *TEXTS[3:], text]
    results = ranked(reranking_client, path, texts, raw_scores=True)
    assert sorted(result["index"] for result in results) == list(range(len(texts)))
    for result in results:
        assert result["score"] == pytest.approx(alone[texts[result["index"]]], abs=1e-4)
    assert post(reranking_client, path, text, TEXTS).status_code == 200


@EVERYWHERE
@pytest.mark.parametrize(
    ("query", "texts", "status", "index", "words"),
    [
        ("", ["no"], 400, None, "`query` cannot be empty"),
        (" \n", ["no"], 400, None, "`query` cannot be empty"),
        ("\u200b", ["no"], 400, None, "`query` cannot be empty"),
        ("\ud800", ["no"], 422, None, "`query` holds a lone surrogate"),
        (None, ["no"], 422, None, "`query` must be a string"),
        (["no"], ["no"], 422, None, "`query` must be a string"),
        ("no", [], 400, None, "`TEXTS` cannot be empty"),
        ("no", None, 422, None, "`TEXTS` must be a list"),
        ("no", "no", 422, None, "`TEXTS` must be a list"),
        ("no", ["no", ""], 400, 1, "`TEXTS[1]` cannot be empty"),
        ("no", ["no", "no", "\u200b"], 400, 2, "`TEXTS[2]` cannot be empty"),
        ("no", ["no", "\udc00"], 422, 1, "`TEXTS[1]` holds a lone surrogate"),
        ("no", ["no", 3], 422, 1, "`TEXTS[1]` must be a string"),
        ("no", ["no", None], 422, 1, "`TEXTS[1]` must be a string"),
        ("no", ["no"] * 2049, 422, None, "`TEXTS`: batch size 2049"),
        ("no", ["no", "drug " * 10_000], 422, 1, "`TEXTS[1]` must fit beside the query"),
    ],
)
def test_bad_input_is_refused_in_a_sentence_with_its_place(
    *,
    reranking_client: httpx.Client,
    path: str,
    query: object,
    texts: Any,  # noqa: ANN401 - as JSON has it
    status: int,
    index: int | None,
    words: str,
) -> None:
    # Cohere's route cuts documents, unless it is told not to so soon.
    more = {} if path == "/rerank" else {"max_tokens_per_doc": 50_000}
    response = post(reranking_client, path, query, texts, **more)
    assert response.status_code == status
    assert index_of(path, response) == index
    assert words.replace("TEXTS", ROUTES[path]) in message(path, response)


@EVERYWHERE
def test_a_missing_side_is_named(reranking_client: httpx.Client, path: str) -> None:
    param = ROUTES[path]
    for body, missing in (({"query": "no"}, param), ({param: ["no"]}, "query"), ({}, "query")):
        response = reranking_client.post(path, json=body)
        assert response.status_code == 422
        assert message(path, response) == f"`{missing}` is required"


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank"])
@pytest.mark.parametrize(
    ("more", "index", "words"),
    [
        ({"top_n": 0}, None, "`top_n` must be greater than or equal to 1"),
        ({"top_n": "2"}, None, "`top_n` must be an integer"),
        ({"max_tokens_per_doc": 0}, None, "`max_tokens_per_doc` must be greater"),
        ({"rank_fields": []}, None, "`rank_fields`"),
        ({"documents": ["no", {"title": "no"}]}, 1, "`documents[1].text` is required"),
        ({"documents": ["no", {"text": 3}]}, 1, "`documents[1].text` must be a string"),
        ({"documents": ["no", {"text": ""}]}, 1, "`documents[1]` cannot be empty"),
        (
            {"documents": [{"text": "no"}], "rank_fields": ["title"]},
            0,
            "`documents[0].title` is required",
        ),
    ],
)
def test_what_only_documents_have_is_checked(
    reranking_client: httpx.Client,
    path: str,
    more: dict[str, Any],
    index: int | None,
    words: str,
) -> None:
    response = reranking_client.post(path, json={"query": "no", "documents": ["no"]} | more)
    assert response.status_code in (400, 422)
    assert index_of(path, response) == index
    assert words in message(path, response)


def test_the_errors_have_the_shape_of_their_family(reranking_client: httpx.Client) -> None:
    texts = ["no", ""]
    tei, jina, cohere = (post(reranking_client, path, "no", texts).json() for path in ROUTES)
    assert tei == {"error": "`texts[1]` cannot be empty", "error_type": "Empty", "index": 1}
    words = "`documents[1]` cannot be empty"
    assert cohere == {"message": words, "index": 1}
    assert jina["detail"] == words
    assert jina["error"] == {
        "message": words,
        "type": "invalid_request_error",
        "param": "documents",
        "code": "empty_input",
        "index": 1,
    }


@EVERYWHERE
def test_without_a_pair_model_the_route_is_of_the_wrong_type(
    encoder_only_client: httpx.Client, path: str
) -> None:
    response = post(encoder_only_client, path, "no", ["no"])
    assert response.status_code == 424
    expected = "no pair model is loaded: start the server with --pair-model"
    assert message(path, response) == expected


@EVERYWHERE
def test_a_pair_model_that_does_not_rerank_says_so(client: httpx.Client, path: str) -> None:
    response = post(client, path, "no", ["no"])
    assert response.status_code == 424
    expected = "the pair model tiny-pair does not rerank: its graph has no output 'relevance'"
    assert message(path, response) == expected
    if path == "/rerank":
        assert response.json()["error_type"] == "Backend"


def test_info_says_which_routes_are_there(
    encoder_only_client: httpx.Client, client: httpx.Client, reranking_client: httpx.Client
) -> None:
    routes = [
        each.get("/info").json()["pair_routes"]
        for each in (encoder_only_client, client, reranking_client)
    ]
    judging = ["/negation-check", "/predict"]
    assert routes == [[], judging, [*judging, *ROUTES]]


def test_a_relevance_of_one_axis_is_read_alike(
    settings: Settings, reranking_client: httpx.Client, tmp_path: Path
) -> None:
    folder = build_reranking_pair(tmp_path / "flat", shape=("batch",))
    flat = settings.model_copy(update={"pair_model": folder})
    with serving(flat) as url, httpx.Client(base_url=url) as client:
        results = ranked(client, "/rerank", TEXTS)
    for one, other in zip(results, ranked(reranking_client, "/rerank", TEXTS), strict=True):
        assert one["index"] == other["index"]
        assert one["score"] == pytest.approx(other["score"], abs=1e-5)


@EVERYWHERE
def test_requests_are_counted_as_those_of_other_routes(
    reranking_client: httpx.Client, path: str
) -> None:
    def counted() -> dict[str, float]:
        lines = reranking_client.get("/metrics").text.splitlines()
        series = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        names = {
            "requests": 'te_request_count{method="batch"}',
            "answered": 'te_request_success{method="batch"}',
            "refused": 'te_request_failure{err="validation"}',
            "texts": 'litotes_texts_total{model="tiny-reranking-pair"}',
            "cut": 'litotes_truncated_inputs_total{model="tiny-reranking-pair"}',
            "ok": f'litotes_http_requests_total{{method="POST",route="{path}",status="200"}}',
        }
        return {short: float(series.get(name, 0)) for short, name in names.items()}

    before = counted()
    post(reranking_client, path, "no " * 40, ["no", "bad"])
    post(reranking_client, path, "no", ["no", ""])
    growth = {name: value - before[name] for name, value in counted().items()}
    assert growth == {
        "requests": 2,
        "answered": 1,
        "refused": 1,
        "texts": 2,
        "cut": 1,
        "ok": 1,
    }

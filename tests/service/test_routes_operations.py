"""The operator's routes, unknown routes and the documentation, over a real server."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from contextlib import asynccontextmanager

import httpx
import pytest
from serving import serving
from tiny_models import EXCLUSION_WEIGHT, WEIGHT

from service import __version__
from service.batching import Batcher
from service.encoder import Encoder
from service.metrics import Metrics
from service.settings import Settings


def test_health_is_an_empty_200(client: httpx.Client) -> None:
    response = client.get("/health")
    assert (response.status_code, response.content) == (200, b"")


def test_a_loaded_server_is_live_and_ready(client: httpx.Client) -> None:
    assert client.get("/health/live").json() == {"status": "live"}
    assert client.get("/health/ready").json() == {"status": "ready"}


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready"])
def test_a_probe_may_ask_with_head(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    for status in (200, 503):
        get, head = client.get(path), client.head(path)
        assert (get.status_code, head.status_code, head.content) == (status, status, b"")
        assert head.headers["content-length"] == str(len(get.content))
        monkeypatch.setattr(Batcher, "running", False)


@pytest.mark.parametrize("sign", ["running", "ready"])
def test_a_server_that_only_a_restart_helps_is_not_live(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, sign: str
) -> None:
    monkeypatch.setattr(Batcher, sign, False)
    live = client.get("/health/live")
    assert live.status_code == 503
    assert (live.json()["status"], live.json()["error_type"]) == ("stalled", "Unhealthy")
    documented = client.get("/openapi.json").json()["paths"]["/health/live"]["get"]["responses"]
    assert set(documented) == {"200", "503"}


def test_info_has_the_fields_of_text_embeddings_inference_and_ours(
    two_part_client: httpx.Client,
) -> None:
    info = two_part_client.get("/info").json()
    assert info["version"] == __version__
    assert info["model_type"] == {"embedding": {"pooling": "mean"}}
    assert info["max_client_batch_size"] == 2048
    assert info["auto_truncate"] is True
    assert info["provider"] == "CPUExecutionProvider"
    assert 0 < info["general_dimensions"] < info["dimensions"]
    assert 0 < info["negation_weight"] < 1
    assert info["pair_model"]
    assert info["pair_routes"] == ["/negation-check", "/predict"]
    assert info["max_passage_windows"] == 32
    assert info["max_passage_sentences"] == 256
    assert info["max_explained_words"] == 100


def test_info_tells_the_exclusion_weight_where_there_is_one(
    client: httpx.Client, two_part_client: httpx.Client, gated_client: httpx.Client
) -> None:
    gated = gated_client.get("/info").json()
    assert (gated["negation_weight"], gated["exclusion_weight"]) == (WEIGHT, EXCLUSION_WEIGHT)
    for without in (client, two_part_client):
        assert without.get("/info").json()["exclusion_weight"] is None


def test_while_the_model_loads_the_server_is_live_and_not_ready(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_load = threading.Event()
    open_encoder = Encoder.open

    @asynccontextmanager
    async def open_later(
        settings: Settings, executor: Executor, metrics: Metrics
    ) -> AsyncIterator[Encoder]:
        await asyncio.to_thread(may_load.wait)
        async with open_encoder(settings, executor, metrics) as encoder:
            yield encoder

    monkeypatch.setattr(Encoder, "open", open_later)
    with serving(settings, wait_until_loaded=False) as url, httpx.Client(base_url=url) as client:
        try:
            assert client.get("/health/live").status_code == 200
            ready = client.get("/health/ready")
            assert (ready.status_code, ready.json()["status"]) == (503, "loading")
            health = client.get("/health")
            assert health.status_code == 503
            assert health.json() == {"error": "unhealthy", "error_type": "Unhealthy"}
            embed = client.post("/embed", json={"inputs": "no"})
            assert (embed.status_code, embed.json()["error_type"]) == (503, "Unhealthy")
            openai = client.post("/v1/embeddings", json={"input": "no"})
            assert (openai.status_code, openai.json()["error"]["type"]) == (503, "server_error")
        finally:
            may_load.set()


def test_metrics_count_requests_under_their_usual_names(client: httpx.Client) -> None:
    client.post("/embed", json={"inputs": "no"})
    client.post("/embed", json={"inputs": ["no", "not"]})
    client.post("/embed", json={"inputs": []})
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    for series in (
        'te_request_count{method="single"}',
        'te_request_success{method="batch"}',
        'te_request_failure{err="validation"}',
        "te_request_duration_bucket",
        "te_embed_count",
        "litotes_model_ready",
    ):
        assert f"\n{series}" in response.text


@pytest.mark.parametrize("path", ["/nothing", "/embed/", "/v1/nothing"])
def test_an_unknown_route_is_a_404_in_the_shape_of_its_family(
    client: httpx.Client, path: str
) -> None:
    response = client.post(path, json={})
    error = response.json()["error"]
    message = error["message"] if path.startswith("/v1/") else error
    assert response.status_code == 404
    assert message == f"there is no such route: POST {path}"
    assert response.headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", "/embed", "POST"), ("DELETE", "/v1/embeddings", "POST"), ("POST", "/info", "GET")],
)
def test_a_method_that_a_route_does_not_have_is_a_405(
    client: httpx.Client, method: str, path: str, allowed: str
) -> None:
    response = client.request(method, path)
    assert response.status_code == 405
    assert response.headers["allow"] == allowed
    assert "error" in response.json()


POSTS = ("/embed", "/similarity", "/negation-check", "/v1/embeddings", "/embeddings")
RERANKS = {"/rerank": "ErrorBody", "/v1/rerank": "JinaErrorBody", "/v2/rerank": "CohereErrorBody"}


@pytest.mark.parametrize("path", [*POSTS, *RERANKS])
def test_the_documented_examples_are_answered_as_documented(
    reranking_client: httpx.Client, path: str
) -> None:
    client = reranking_client
    document = client.get("/openapi.json").json()
    schema = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    names = [form["$ref"].rpartition("/")[2] for form in schema.get("oneOf", [schema])]
    examples = [
        example for name in names for example in document["components"]["schemas"][name]["examples"]
    ]
    assert examples
    for example in examples:
        assert client.post(path, content=json.dumps(example)).status_code == 200


@pytest.mark.parametrize("path", [*POSTS, *RERANKS])
def test_the_documented_errors_have_the_shape_of_the_family(
    client: httpx.Client, path: str
) -> None:
    responses = client.get("/openapi.json").json()["paths"][path]["post"]["responses"]
    assert {"200", "400", "408", "413", "422", "424", "429", "503", "504"} <= set(responses)
    body = RERANKS.get(path, "OpenAIErrorBody" if "embeddings" in path else "ErrorBody")
    reference = responses["422"]["content"]["application/json"]["schema"]["$ref"]
    assert reference == f"#/components/schemas/{body}"


def test_the_dimensions_are_documented_with_what_they_cost(client: httpx.Client) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    for request in ("EmbedRequest", "EmbeddingsRequest"):
        description = schemas[request]["properties"]["dimensions"]["description"]
        assert "`general_dimensions`" in description
        assert "blind to negation" in description


def test_the_documentation_is_served(client: httpx.Client) -> None:
    assert "swagger" in client.get("/docs").text.lower()

"""Requests made up from the OpenAPI document: no 5xx, and no answer that the document lacks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from relevance import build_reranking_pair
from schemathesis import checks
from serving import serving

from service.app import create_app
from service.settings import Settings

CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
# The document depends on no model, so it is there before one is loaded.
SCHEMA = schemathesis.openapi.from_dict(create_app(Settings(pair_model=None)).openapi())


@pytest.fixture(scope="module")
def url(models: Path, encoder_folder: Path) -> Iterator[str]:
    pair = build_reranking_pair(models / "fuzz-pair")
    with serving(Settings(model=encoder_folder, pair_model=pair, device="cpu")) as url:
        yield url


@SCHEMA.parametrize()
@settings(
    max_examples=10,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_an_answer_is_one_that_the_document_has(case: schemathesis.Case, url: str) -> None:
    case.call_and_validate(base_url=url, checks=CHECKS)

"""What `POST /` reads: the request of another route, told by its shape."""

from __future__ import annotations

from typing import Annotated

from pydantic import Discriminator, Tag

from service.schemas.predict import PredictRequest, are_pairs
from service.schemas.rerank import RerankRequest
from service.schemas.tei import EmbedRequest, NestedSimilarity


def _form(body: object) -> str | None:
    if not isinstance(body, dict):
        return None
    if "inputs" not in body:
        return "<rerank>" if "query" in body or "texts" in body else None
    inputs = body["inputs"]
    if isinstance(inputs, dict):
        return "<similarity>"
    return "<predict>" if are_pairs(inputs) else "<embed>"


RootRequest = Annotated[
    Annotated[EmbedRequest, Tag("<embed>")]
    | Annotated[NestedSimilarity, Tag("<similarity>")]
    | Annotated[RerankRequest, Tag("<rerank>")]
    | Annotated[PredictRequest, Tag("<predict>")],
    Discriminator(
        _form,
        custom_error_type="form",
        custom_error_message="send `inputs`, or `query` and `texts`",
    ),
]

"""`POST /`: what text-embeddings-inference's clients send to the bare address of a server."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from service.routes.body import JsonRoute
from service.routes.dependencies import (
    CallDep,
    EncoderDep,
    RuntimeDep,
    get_discriminator,
    get_reranker,
)
from service.routes.octets import OctetsDep
from service.routes.predict import predict
from service.routes.rendering import error_responses
from service.routes.rerank import rerank
from service.routes.tei import embed, similarity
from service.schemas.predict import Prediction, PredictRequest
from service.schemas.rerank import RankedText, RerankRequest
from service.schemas.root import RootRequest
from service.schemas.tei import EmbedRequest, ErrorBody, NestedSimilarity

router = APIRouter(
    route_class=JsonRoute,
    tags=["text-embeddings-inference"],
    responses=error_responses(ErrorBody),
)


@router.post(
    "/",
    response_model=list[list[float]]
    | list[float]
    | list[RankedText]
    | list[Prediction]
    | list[list[Prediction]],
)
async def answer_by_shape(
    body: RootRequest,
    runtime: RuntimeDep,
    encoder: EncoderDep,
    call: CallDep,
    as_octets: OctetsDep,
) -> Response:
    """Answer as /embed, /similarity, /rerank or /predict does, as the body is made.

    `inputs` with a text or a list of texts are embedded, those with a `source_sentence` compared,
    and lists of strings in a list classified. `query` and `texts` are ranked. Two strings in a
    list are two texts to embed: a single pair is classified by /predict only.
    """
    match body:
        case NestedSimilarity():
            return await similarity(body, encoder, call)
        case RerankRequest():
            return await rerank(body, await get_reranker(runtime, encoder), call)
        case PredictRequest():
            return await predict(body, await get_discriminator(runtime, encoder), call)
        case EmbedRequest():
            return await embed(body, encoder, call, as_octets)

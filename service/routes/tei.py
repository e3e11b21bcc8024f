"""text-embeddings-inference's routes: /embed, /embed_all and /similarity."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from service.routes.body import JsonRoute
from service.routes.cosines import pair_cosines, source_cosines
from service.routes.dependencies import CallDep, EncoderDep
from service.routes.headers import response_headers
from service.routes.octets import OCTETS, OctetsDep, octets_response
from service.routes.rendering import error_responses, json_response
from service.routes.texts import Texts, check_count, compared, listed, named, paired
from service.schemas.tei import (
    Comparison,
    EmbedAllRequest,
    EmbedRequest,
    ErrorBody,
    NestedSimilarity,
    PairSimilarity,
    SimilarityParameters,
    SimilarityRequest,
)

router = APIRouter(
    route_class=JsonRoute,
    tags=["text-embeddings-inference"],
    responses=error_responses(ErrorBody),
)


@router.post("/embed", response_model=list[list[float]], responses=OCTETS)
async def embed(
    body: EmbedRequest, encoder: EncoderDep, call: CallDep, as_octets: OctetsDep = False
) -> Response:
    """Embed texts: one vector a text, in order."""
    texts = listed("inputs", body.inputs)
    check_count("inputs", len(body.inputs), call.settings.max_client_batch_size)
    texts.check()
    with named(texts.place):
        embeddings = await encoder.embed(
            texts.texts,
            truncate=call.truncate(body.truncate),
            direction=body.truncation_direction,
            prompt_name=body.prompt_name,
            normalize=body.normalize,
            dimensions=body.dimensions,
            negation_weight=body.negation_weight,
            deadline=call.deadline,
        )
    headers = response_headers(call, encoder, embeddings, texts, embeddings.truncated)
    if as_octets:
        return octets_response(embeddings.vectors, headers)
    return json_response(embeddings.vectors, headers=headers)


@router.post("/embed_all", response_model=list[list[list[float]]])
async def embed_all(body: EmbedAllRequest, encoder: EncoderDep, call: CallDep) -> Response:
    """Give the vector of each token, not normalised: one matrix a text, in order.

    Special tokens and those of a prompt have theirs too. A model whose graph gives one vector a
    text has none to give, and answers 424: all two-part models are such.
    """
    texts = listed("inputs", body.inputs)
    check_count("inputs", len(body.inputs), call.settings.max_client_batch_size)
    texts.check()
    with named(texts.place):
        found = await encoder.embed_tokens(
            texts.texts,
            truncate=call.truncate(body.truncate),
            direction=body.truncation_direction,
            prompt_name=body.prompt_name,
            deadline=call.deadline,
        )
    headers = response_headers(call, encoder, found, texts, found.truncated)
    return json_response(found.vectors, headers=headers)


@router.post("/similarity", response_model=list[float])
async def similarity(body: SimilarityRequest, encoder: EncoderDep, call: CallDep) -> Response:
    """Compare texts: the cosine of each sentence with the source, or of the two of each pair."""
    texts, parameters = _read(body, call.settings.max_client_batch_size)
    texts.check()
    with named(texts.place):
        embeddings = await encoder.embed(
            texts.texts,
            truncate=call.truncate(parameters.truncate),
            direction=parameters.truncation_direction,
            prompt_name=parameters.prompt_name,
            negation_weight=parameters.negation_weight,
            deadline=call.deadline,
        )
    compare = pair_cosines if isinstance(body, PairSimilarity) else source_cosines
    cosines = compare(embeddings.vectors)
    headers = response_headers(call, encoder, embeddings, texts, embeddings.truncated)
    return json_response(cosines, headers=headers)


def _read(body: SimilarityRequest, limit: int) -> tuple[Texts, SimilarityParameters]:
    """Return the texts in the order in which they are embedded, and how to embed them."""
    if isinstance(body, PairSimilarity):
        check_count("pairs", len(body.pairs), limit)
        return paired(body.pairs), body
    if isinstance(body, NestedSimilarity):
        return _compared("inputs.", body.inputs, limit), body.effective_parameters
    return _compared("", body, limit), body


def _compared(prefix: str, comparison: Comparison, limit: int) -> Texts:
    # The source sentence counts as well, as it does in text-embeddings-inference.
    check_count(f"{prefix}sentences", len(comparison.sentences), limit - 1)
    return compared(prefix, comparison.source_sentence, comparison.sentences)

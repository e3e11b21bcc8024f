"""What an operator asks: is it alive, is it ready, what runs, how is it doing."""

from __future__ import annotations

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.responses import Response

from service import __version__
from service.errors import Unavailable
from service.routes.dependencies import EncoderDep, RuntimeDep
from service.routes.rendering import error_responses, json_response
from service.runtime import Runtime, State
from service.schemas.operations import Embedding, Info, Liveness, ModelType, Readiness
from service.schemas.tei import ErrorBody

router = APIRouter(tags=["operations"])


_ERRORS = error_responses(ErrorBody)


@router.get("/info", responses={status: _ERRORS[status] for status in (401, 503)})
async def info(runtime: RuntimeDep, encoder: EncoderDep) -> Info:
    """Describe the model, the limits and what really runs."""
    settings, spec = runtime.settings, encoder.spec
    return Info(
        model_id=str(spec.folder),
        model_sha=None,
        model_dtype="float32",
        served_model_name=spec.name,
        # A graph of two parts pools both of them by the mean.
        model_type=ModelType(embedding=Embedding(pooling=spec.pooling or "mean")),
        # Requests are not counted, only their tokens; each has one at least.
        max_concurrent_requests=settings.max_queue_tokens,
        max_input_length=encoder.max_input_tokens,
        max_batch_tokens=encoder.max_batch_tokens,
        max_batch_requests=settings.max_batch_size,
        max_client_batch_size=settings.max_client_batch_size,
        auto_truncate=settings.auto_truncate,
        tokenization_workers=settings.tokenization_workers,
        version=__version__,
        sha=None,
        docker_label=None,
        provider=encoder.provider,
        dimensions=encoder.dimensions,
        general_dimensions=spec.two_part.general_dimensions if spec.two_part else None,
        negation_weight=spec.two_part.negation_weight if spec.two_part else None,
        exclusion_weight=spec.two_part.exclusion_weight if spec.two_part else None,
        prompts=sorted(spec.prompts),
        pair_model=runtime.discriminator.spec.name if runtime.discriminator else None,
        pair_routes=_pair_routes(runtime),
        max_body_bytes=settings.max_body_bytes,
        max_queue_tokens=settings.max_queue_tokens,
        max_passage_windows=settings.max_passage_windows,
        max_passage_sentences=settings.max_passage_sentences,
        max_explained_words=settings.max_explained_words,
        max_token_vectors=settings.max_token_vectors,
        max_listed_tokens=settings.max_listed_tokens,
        token_encoding=settings.token_encoding,
    )


def _pair_routes(runtime: Runtime) -> list[str]:
    """Return the routes that the pair model serves; the others of its routes answer 424."""
    routes = []
    if runtime.discriminator is not None:
        routes += ["/negation-check", "/predict"]
    if runtime.reranker is not None:
        routes += ["/rerank", "/v1/rerank", "/v2/rerank"]
    return routes


@router.head("/", include_in_schema=False)
@router.get("/", include_in_schema=False)
@router.get("/ping", include_in_schema=False)
@router.head("/health", include_in_schema=False)
@router.get("/health", response_class=Response, responses={503: {"model": ErrorBody}})
async def health(runtime: RuntimeDep) -> Response:
    """Answer 200 with no body when texts are answered, as text-embeddings-inference does."""
    if runtime.state != "ready":
        raise Unavailable("unhealthy")
    return Response()


@router.head("/health/live", include_in_schema=False)
@router.get("/health/live", response_model=Liveness, responses={503: {"model": Liveness}})
async def live(runtime: RuntimeDep) -> Response:
    """Answer 200, while loading too; 503 when only a restart helps.

    That is when a batch loop has died, or a forward pass is stuck.
    """
    state = runtime.state
    if state == "stalled":
        return _unhealthy(state, "no text gets through: the service has to be restarted")
    return json_response({"status": "live"})


@router.head("/health/ready", include_in_schema=False)
@router.get("/health/ready", response_model=Readiness, responses={503: {"model": Readiness}})
async def ready(runtime: RuntimeDep) -> Response:
    """Answer 200 when texts are answered; 503 while loading or draining, and when none gets by."""
    state = runtime.state
    if state == "ready":
        return json_response({"status": state})
    return _unhealthy(state, f"the model is not ready: {state}")


def _unhealthy(state: State, message: str) -> Response:
    content = {"status": state, "error": message, "error_type": Unavailable.type}
    return json_response(content, status=Unavailable.status)


@router.get("/metrics", response_class=Response)
async def metrics(runtime: RuntimeDep) -> Response:
    """Give every series in Prometheus' text format; a 404 where they have a port of their own."""
    if runtime.settings.metrics_port is not None:
        raise HTTPException(404)
    return Response(runtime.metrics.render(), media_type=CONTENT_TYPE_LATEST)

"""Puts the application together: models, routes, error handlers, middleware."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from service import __version__
from service.authentication import Authentication
from service.browsers import CrossOrigin, HtmlSafety
from service.decompression import Decompression
from service.draining import Draining
from service.errors import ServiceError
from service.keys import ApiKeys
from service.metrics import Metrics
from service.middleware import BodyLimit, RequestBorder
from service.routes import (
    cohere,
    negation,
    ollama,
    openai,
    operations,
    predict,
    rerank,
    root,
    tei,
    tokens,
    weaviate,
)
from service.routes.rendering import RouteError, error_response, explain
from service.runtime import Runtime
from service.settings import Settings
from service.tracing import open_tracing


def create_app(
    settings: Settings, on_settled: Callable[[Runtime], None] = lambda runtime: None
) -> FastAPI:
    """Make the application; its models load in the background once it is started.

    Args:
        settings: The settings of this process.
        on_settled: Called once, when the models are loaded or their loading has failed.

    Raises:
        StartupError: The file of API keys cannot be used, or traces are asked for and cannot be
            written.
    """
    keys = ApiKeys.read(settings)
    tracing = open_tracing(settings.otlp_endpoint)
    runtime = Runtime(settings, Metrics(), on_settled)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            async with runtime.open():
                yield
        finally:
            await asyncio.to_thread(tracing.close)

    app = FastAPI(
        title="Litotes",
        summary='Embedding inference whose vectors know what "not" means.',
        version=__version__,
        lifespan=lifespan,
        redirect_slashes=False,
        redoc_url=None,
    )
    app.state.runtime = runtime
    # They are asked in this order: first those of short requests, to which every look is a cost.
    hot, others = (openai, tei), (cohere, ollama, weaviate, operations)
    for family in (*hot, root, predict, tokens, rerank, negation, *others):
        app.include_router(family.router)
    _handle_errors(app)
    # The last one added is the outermost.
    app.add_middleware(Decompression, max_body_bytes=settings.max_body_bytes)
    app.add_middleware(BodyLimit, max_body_bytes=settings.max_body_bytes)
    if keys is not None:
        app.add_middleware(Authentication, keys=keys)
    app.add_middleware(Draining, runtime=runtime)
    if settings.cors_origins is not None:
        app.add_middleware(CrossOrigin, origins=settings.cors_origins)
    app.add_middleware(HtmlSafety)
    app.add_middleware(
        RequestBorder,
        metrics=runtime.metrics,
        tracing=tracing,
        access_log=settings.access_log,
    )
    return app


def _handle_errors(app: FastAPI) -> None:
    @app.exception_handler(ServiceError)
    async def service_error(request: Request, error: ServiceError) -> Response:
        return error_response(error, request.scope["path"])

    @app.exception_handler(RequestValidationError)
    async def validation_error(request: Request, error: RequestValidationError) -> Response:
        return error_response(explain(error), request.scope["path"])

    @app.exception_handler(HTTPException)
    async def route_error(request: Request, error: HTTPException) -> Response:
        response = error_response(RouteError(error, request), request.scope["path"])
        response.headers.update(error.headers or {})
        return response

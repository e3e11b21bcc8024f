"""Puts the application together: models, routes, error handlers, middleware."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from service import __version__
from service.errors import ServiceError
from service.metrics import Metrics
from service.middleware import BodyLimit, RequestBorder
from service.routes import negation, openai, operations, rerank, tei
from service.routes.rendering import RouteError, error_response, explain
from service.runtime import Runtime
from service.settings import Settings


def create_app(
    settings: Settings, on_settled: Callable[[Runtime], None] = lambda runtime: None
) -> FastAPI:
    """Make the application; its models load in the background once it is started.

    Args:
        settings: The settings of this process.
        on_settled: Called once, when the models are loaded or their loading has failed.
    """
    runtime = Runtime(settings, Metrics(), on_settled)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with runtime.open():
            yield

    app = FastAPI(
        title="Litotes",
        summary='Embedding inference whose vectors know what "not" means.',
        version=__version__,
        lifespan=lifespan,
        redirect_slashes=False,
        redoc_url=None,
    )
    app.state.runtime = runtime
    for family in (tei, rerank, negation, openai, operations):
        app.include_router(family.router)
    _handle_errors(app)
    # The last one added is the outermost.
    app.add_middleware(BodyLimit, max_body_bytes=settings.max_body_bytes)
    app.add_middleware(RequestBorder, metrics=runtime.metrics)
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

"""What an endpoint with a JSON body is called with, found once and not anew for each request.

FastAPI's own solver takes dependencies of any shape, which is a tenth of a short request's time. Of
ours each is an `async` function of the request, or of other such dependencies, and ends at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Annotated, Any, Self, get_args, get_origin, get_type_hints

from fastapi.params import Depends
from starlette.requests import Request

Resolver = Callable[[Request], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of one endpoint.

    Attributes:
        body: The name of the one that takes the body.
        dependencies: How to find the others, by name.
    """

    body: str
    dependencies: Mapping[str, Resolver]

    @classmethod
    def of(cls, endpoint: Callable[..., Any]) -> Self:
        """Read an endpoint's signature.

        Raises:
            TypeError: It takes something else than one body and our kind of dependencies, or it or
                one of these is no `async` function.
        """
        resolvers = _resolvers(endpoint)
        bodies = [name for name, resolver in resolvers.items() if resolver is None]
        if len(bodies) != 1:
            raise TypeError(f"{_name(endpoint)} must take one body, and takes {bodies}")
        found = {name: resolver for name, resolver in resolvers.items() if resolver is not None}
        return cls(bodies[0], found)

    async def find(self, request: Request) -> dict[str, Any]:
        """Return all arguments but the body.

        Raises:
            ServiceError: What a dependency raises.
        """
        return {name: await resolve(request) for name, resolve in self.dependencies.items()}


def _resolvers(function: Callable[..., Any]) -> dict[str, Resolver | None]:
    """Return how to find each parameter; None where it is no dependency."""
    return {name: _resolver(hint) for name, hint in _hints(function).items()}


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    if not iscoroutinefunction(function):
        raise TypeError(f"{_name(function)} must be an async function")
    hints = get_type_hints(function, include_extras=True)
    hints.pop("return", None)
    return hints


def _resolver(hint: object) -> Resolver | None:
    marks = get_args(hint) if get_origin(hint) is Annotated else ()
    dependency = next((mark.dependency for mark in marks if isinstance(mark, Depends)), None)
    if dependency is None:
        return None
    if list(_hints(dependency).values()) == [Request]:
        return dependency
    return _through_others(dependency)


def _through_others(dependency: Callable[..., Awaitable[Any]]) -> Resolver:
    resolvers: dict[str, Resolver] = {}
    for name, resolver in _resolvers(dependency).items():
        if resolver is None:
            raise TypeError(f"{_name(dependency)} must take the request or dependencies: {name}")
        resolvers[name] = resolver

    async def resolve(request: Request) -> object:
        found = {name: await resolver(request) for name, resolver in resolvers.items()}
        return await dependency(**found)

    return resolve


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", repr(function))

"""What an endpoint is called with."""

from __future__ import annotations

from typing import Annotated

import pytest
from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from service.routes.arguments import Arguments


async def read_path(request: Request) -> str:
    return request.scope["path"]


PathDep = Annotated[str, Depends(read_path)]


async def double(path: PathDep, again: PathDep) -> str:
    return path + again


DoubleDep = Annotated[str, Depends(double)]


async def read_number(number: int) -> int:
    return number


NumberDep = Annotated[int, Depends(read_number)]


def read_at_once(request: Request) -> str:
    return request.scope["path"]


AtOnceDep = Annotated[str, Depends(read_at_once)]


async def endpoint(path: PathDep, body: dict[str, int], twice: DoubleDep = "") -> Response:
    return Response()


async def marked(body: Annotated[dict[str, int], "a note, not a dependency"]) -> Response:
    return Response()


async def without_body(path: PathDep) -> Response:
    return Response()


async def with_two(body: dict[str, int], other: int, path: PathDep) -> Response:
    return Response()


async def through_a_plain_function(body: dict[str, int], path: AtOnceDep) -> Response:
    return Response()


def plain(body: dict[str, int]) -> Response:
    return Response()


async def with_a_query(body: dict[str, int], number: NumberDep) -> Response:
    return Response()


@pytest.mark.anyio
async def test_each_dependency_is_found_from_the_request_or_through_others() -> None:
    arguments = Arguments.of(endpoint)
    found = await arguments.find(Request({"type": "http", "path": "/a"}))
    assert arguments.body == "body"
    assert found == {"path": "/a", "twice": "/a/a"}


def test_a_note_on_the_body_does_not_make_it_a_dependency() -> None:
    assert Arguments.of(marked) == Arguments("body", {})


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (without_body, r"without_body must take one body, and takes \[\]"),
        (with_two, r"with_two must take one body, and takes \['body', 'other'\]"),
        (with_a_query, "read_number must take the request or dependencies: number"),
        (through_a_plain_function, "read_at_once must be an async function"),
        (plain, "plain must be an async function"),
    ],
)
def test_an_endpoint_that_needs_more_is_refused_when_it_is_registered(
    wrong: object, reason: str
) -> None:
    with pytest.raises(TypeError, match=reason):
        Arguments.of(wrong)  # type: ignore[arg-type]

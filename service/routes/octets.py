"""Vectors as plain bytes, for clients that ask for `application/octet-stream`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.responses import Response

from service.quantization import little_endian
from service.vectors import Rows

MEDIA_TYPE = "application/octet-stream"

# For a route's `responses`.
OCTETS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": f"JSON, or with `Accept: {MEDIA_TYPE}` the rows as little-endian float32.",
        "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
        "headers": {
            "x-embedding-shape": {
                "description": f"With {MEDIA_TYPE}: rows and numbers of a row.",
                "schema": {"type": "string", "example": "1000,768"},
            }
        },
    }
}


async def wants_octets(request: Request) -> bool:
    """Tell whether the client names plain bytes in `Accept`, and prefers them to JSON."""
    accepted = ",".join(request.headers.getlist("accept"))
    if MEDIA_TYPE not in accepted.lower():
        return False
    weights: dict[str, float] = {}
    for item in accepted.split(","):
        kind, *parameters = (part.strip().lower() for part in item.split(";"))
        weights[kind] = _weight(parameters)
    return weights.get(MEDIA_TYPE, 0) > weights.get("application/json", 0)


OctetsDep = Annotated[bool, Depends(wants_octets)]


def octets_response(rows: Rows, headers: Mapping[str, str]) -> Response:
    """Write the rows one after another as little-endian float32, their shape in a header."""
    shape = {"x-embedding-shape": ",".join(map(str, rows.shape))}
    return Response(
        little_endian(rows).tobytes(), headers={**headers, **shape}, media_type=MEDIA_TYPE
    )


def _weight(parameters: Sequence[str]) -> float:
    """Return the `q` of a media range; what is no number counts as 0."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                weight = float(value)
            except ValueError:
                return 0
            return weight if math.isfinite(weight) else 0
    return 1

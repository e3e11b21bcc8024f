"""Litotes' own route: how texts relate, and which words negate or hedge in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from fastapi import APIRouter
from numpy.typing import NDArray
from starlette.responses import Response

from service.cues import Cue, find_cues
from service.discriminator import Judgement, PairDiscriminator
from service.encoder import Encoder
from service.explanation import Occlusion, Pair
from service.routes.body import JsonRoute
from service.routes.cosines import pair_cosines
from service.routes.dependencies import Call, CallDep, DiscriminatorDep, EncoderDep
from service.routes.document import check_document
from service.routes.explaining import PairExplanation, explain_pairs, find_occlusions
from service.routes.headers import response_headers
from service.routes.portions import in_portions
from service.routes.rendering import error_responses, json_response
from service.routes.texts import Place, Texts, check_count, named, paired
from service.schemas.negation import (
    DocumentCheck,
    DocumentResult,
    NegationRequest,
    NegationResult,
    PairCheck,
    PairsCheck,
)
from service.schemas.tei import ErrorBody

router = APIRouter(route_class=JsonRoute, tags=["Litotes"], responses=error_responses(ErrorBody))

_ONLY_PAIR = Place("a, b", "a", None)

PairCues = dict[str, list[Cue]]


@router.post(
    "/negation-check", response_model=NegationResult | list[NegationResult] | DocumentResult
)
async def check_negation(
    body: NegationRequest, encoder: EncoderDep, discriminator: DiscriminatorDep, call: CallDep
) -> Response:
    """Tell how the texts of each pair relate, or how passages relate to a claim.

    A list of pairs is answered by a list, one result a pair, in order; `a` and `b` alone by one
    result; a claim by one result a passage, in order, and a verdict.
    """
    if isinstance(body, DocumentCheck):
        return await check_document(body, discriminator, call)
    return await _check_pairs(body, encoder, discriminator, call)


async def _check_pairs(
    body: PairCheck | PairsCheck, encoder: Encoder, discriminator: PairDiscriminator, call: Call
) -> Response:
    pairs, texts = _read(body, call.settings.max_client_batch_size)
    texts.check()
    place = _pair_place if isinstance(body, PairsCheck) else lambda _: _ONLY_PAIR
    truncate, deadline = call.truncate(body.truncate), call.deadline
    cues: list[PairCues] | None = None
    occlusions: list[Occlusion] = []
    if body.explain:  # else cues come last: what may yet be refused costs no more than it has to
        cues = await find_pair_cues(pairs, discriminator.max_characters)
        with named(place):
            occlusions = await find_occlusions(
                pairs, cues, discriminator.max_characters, call.settings
            )
    with named(texts.place):
        embeddings = await encoder.embed(
            texts.texts,
            truncate=truncate,
            negation_weight=body.negation_weight,
            deadline=deadline,
        )
    with named(place):
        answer = await discriminator.judge(pairs, truncate=truncate, deadline=deadline)
        judgements = answer.judgements
        explanations = (
            await explain_pairs(pairs, occlusions, judgements, discriminator, deadline=deadline)
            if body.explain
            else None
        )
    results = _results(
        judgements,
        pair_cosines(embeddings.vectors),
        cues or await find_pair_cues(pairs, discriminator.max_characters),
        explanations,
    )
    cut = {2 * number for number, judgement in enumerate(judgements) if judgement.truncated}
    headers = response_headers(
        call, encoder, embeddings, texts, sorted(cut.union(embeddings.truncated))
    )
    return json_response(results if isinstance(body, PairsCheck) else results[0], headers=headers)


def _read(body: PairCheck | PairsCheck, limit: int) -> tuple[list[Pair], Texts]:
    """Return the pairs, and their texts in the order in which they are embedded."""
    if isinstance(body, PairsCheck):
        check_count("pairs", len(body.pairs), limit)
        pairs = [(pair.a, pair.b) for pair in body.pairs]
        return pairs, paired(pairs, ends=(".a", ".b"))
    return [(body.a, body.b)], Texts(
        [body.a, body.b], lambda end: Place("ab"[end], "ab"[end], None)
    )


def _pair_place(number: int) -> Place:
    return Place(f"pairs[{number}]", "pairs", number)


def _results(
    judgements: Sequence[Judgement],
    cosines: NDArray[np.float32],
    cues: Sequence[PairCues],
    explanations: Sequence[PairExplanation] | None,
) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = [
        {
            "relation": judgement.relation,
            "scores": judgement.scores,
            "similarity": cosine,
            "cues": found,
        }
        for judgement, cosine, found in zip(judgements, cosines, cues, strict=True)
    ]
    if explanations is not None:
        for result, explanation in zip(results, explanations, strict=True):
            result["explanation"] = explanation
    return results


async def find_pair_cues(pairs: Sequence[Pair], max_characters: int) -> list[PairCues]:
    """Find the cues of each pair in threads.

    Args:
        pairs: The texts.
        max_characters: Where a text is cut; what the model cannot have read is not looked at.
    """
    cut = [(first[:max_characters], second[:max_characters]) for first, second in pairs]
    return await in_portions(_find_cues, cut, lambda pair: len(pair[0]) + len(pair[1]))


def _find_cues(pairs: Sequence[Pair]) -> list[PairCues]:
    return [{"a": find_cues(first), "b": find_cues(second)} for first, second in pairs]

"""Litotes' own route: how two texts relate, and which words negate or hedge in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from service.cues import Cue, find_cues
from service.routes.body import JsonRoute
from service.routes.cosines import pair_cosines
from service.routes.dependencies import CallDep, DiscriminatorDep, EncoderDep
from service.routes.headers import timing_headers, truncation_headers
from service.routes.rendering import error_responses, json_response
from service.routes.texts import Place, Texts, check_count, named, paired
from service.schemas.negation import NegationRequest, NegationResult, PairsCheck
from service.schemas.tei import ErrorBody

router = APIRouter(route_class=JsonRoute, tags=["Litotes"], responses=error_responses(ErrorBody))

_ONLY_PAIR = Place("a, b", "a", None)

# Cues are looked for in so many characters at a time: about a tenth of a second.
_PORTION = 16_384


@router.post("/negation-check", response_model=NegationResult | list[NegationResult])
async def check_negation(
    body: NegationRequest, encoder: EncoderDep, discriminator: DiscriminatorDep, call: CallDep
) -> Response:
    """Tell how the texts of each pair relate: one result a pair, in order.

    A list of pairs is answered by a list; `a` and `b` alone are answered by one result.
    """
    pairs, texts = _read(body, call.settings.max_client_batch_size)
    texts.check()
    truncate = call.truncate(body.truncate)
    with named(texts.place):
        embeddings = await encoder.embed(
            texts.texts,
            truncate=truncate,
            negation_weight=body.negation_weight,
            deadline=call.deadline,
        )
    with named(_pair_place if isinstance(body, PairsCheck) else lambda _: _ONLY_PAIR):
        judgements = await discriminator.judge(pairs, truncate=truncate, deadline=call.deadline)
    cues = await find_pair_cues(pairs, discriminator.max_characters)
    results = [
        {
            "relation": judgement.relation,
            "scores": judgement.scores,
            "similarity": cosine,
            "cues": found,
        }
        for judgement, cosine, found in zip(
            judgements, pair_cosines(embeddings.vectors), cues, strict=True
        )
    ]
    cut = {2 * number for number, judgement in enumerate(judgements) if judgement.truncated}
    headers = timing_headers(call, encoder, embeddings, texts.texts)
    headers |= truncation_headers(texts, sorted(cut.union(embeddings.truncated)))
    return json_response(results if isinstance(body, PairsCheck) else results[0], headers=headers)


def _read(body: NegationRequest, limit: int) -> tuple[list[tuple[str, str]], Texts]:
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


async def find_pair_cues(
    pairs: Sequence[tuple[str, str]], max_characters: int
) -> list[dict[str, list[Cue]]]:
    """Find the cues of each pair in threads, by portions: a cancelled request ends after its own.

    Args:
        pairs: The texts.
        max_characters: Where a text is cut; what the model cannot have read is not looked at.
    """
    cut = [(first[:max_characters], second[:max_characters]) for first, second in pairs]
    cues: list[dict[str, list[Cue]]] = []
    for portion in _portions(cut):
        cues += await run_in_threadpool(_find_cues, portion)
    return cues


def _portions(pairs: Sequence[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """Divide pairs into runs that end with the pair that fills `_PORTION`."""
    portion: list[tuple[str, str]] = []
    characters = 0
    for first, second in pairs:
        portion.append((first, second))
        characters += len(first) + len(second)
        if characters >= _PORTION:
            yield portion
            portion, characters = [], 0
    if portion:
        yield portion


def _find_cues(pairs: Sequence[tuple[str, str]]) -> list[dict[str, list[Cue]]]:
    return [{"a": find_cues(first), "b": find_cues(second)} for first, second in pairs]

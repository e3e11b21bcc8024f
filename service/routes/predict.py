"""text-embeddings-inference's sequence classification: how the texts of a pair relate."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from service.discriminator import Judgement
from service.routes.body import JsonRoute
from service.routes.dependencies import CallDep, DiscriminatorDep
from service.routes.headers import response_headers
from service.routes.rendering import error_responses, json_response
from service.routes.texts import Place, check_count, listed, named, paired
from service.schemas.predict import Prediction, PredictRequest
from service.schemas.tei import ErrorBody

router = APIRouter(
    route_class=JsonRoute,
    tags=["text-embeddings-inference"],
    responses=error_responses(ErrorBody),
)


@router.post("/predict", response_model=list[Prediction] | list[list[Prediction]])
async def predict(body: PredictRequest, discriminator: DiscriminatorDep, call: CallDep) -> Response:
    """Score the relations of a pair, the best first; a list of pairs gets a list of such lists.

    The scores are those of /negation-check: the order of the two texts makes no difference.
    """
    one = isinstance(body.inputs, tuple)
    pairs = body.inputs if isinstance(body.inputs, list) else [body.inputs]
    check_count("inputs", len(pairs), call.settings.max_client_batch_size)
    texts = listed("inputs", pairs[0]) if one else paired(pairs, param="inputs")
    texts.check()
    with named(_only_place if one else _place):
        answer = await discriminator.judge(
            pairs,
            truncate=call.truncate(body.truncate),
            direction=body.truncation_direction,
            deadline=call.deadline,
        )
    predictions = [_predictions(judgement, body.raw_scores) for judgement in answer.judgements]
    cut = [2 * n for n, judgement in enumerate(answer.judgements) if judgement.truncated]
    headers = response_headers(call, discriminator, answer, texts, cut)
    return json_response(predictions[0] if one else predictions, headers=headers)


def _only_place(_: int) -> Place:
    return Place("inputs", "inputs", None)


def _place(number: int) -> Place:
    return Place(f"inputs[{number}]", "inputs", number)


def _predictions(judgement: Judgement, raw_scores: bool) -> list[dict[str, Any]]:
    scores = judgement.logits if raw_scores else judgement.scores
    best_first = sorted(scores.items(), key=lambda item: -item[1])
    return [{"score": score, "label": label} for label, score in best_first]

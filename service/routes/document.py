"""Passages against a claim, sentence by sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from starlette.responses import Response

from service.discriminator import Judgement, PairDiscriminator
from service.document import PassageSplitter, find_decisive, give_verdict
from service.errors import EmptyInput
from service.routes.dependencies import Call
from service.routes.headers import response_headers
from service.routes.portions import in_portions
from service.routes.rendering import json_response
from service.routes.texts import check_count, led, listed, named
from service.schemas.negation import DocumentCheck
from service.sentences import has_content
from service.settings import Settings
from service.span import Span


async def check_document(
    body: DocumentCheck, discriminator: PairDiscriminator, call: Call
) -> Response:
    """Tell how each passage relates to the claim, and what all of them say of it."""
    check_count("passages", len(body.passages), call.settings.max_client_batch_size)
    texts = led("claim", body.claim, "passages", body.passages)
    texts.check()
    if not has_content(body.claim):
        raise EmptyInput("`claim` cannot be empty", param="claim")
    place = listed("passages", body.passages).place
    with named(place):
        sentences = await _split(body.passages, call.settings)
    owners = [passage for passage, own in enumerate(sentences) for _ in own]
    with named(lambda number: place(owners[number])):
        answer = await discriminator.judge(
            [(body.claim, sentence.text) for own in sentences for sentence in own],
            truncate=call.truncate(body.truncate),
            deadline=call.deadline,
        )
    judgements = iter(answer.judgements)
    threshold = discriminator.spec.abstention_threshold
    results = [_result(own, judgements, threshold) for own in sentences]
    verdict = give_verdict({result["relation"] for result in results})
    cut = [
        passage + 1
        for passage, judgement in zip(owners, answer.judgements, strict=True)
        if judgement.truncated
    ]
    headers = response_headers(call, discriminator, answer, texts, cut)
    return json_response({"results": results, "verdict": verdict}, headers=headers)


async def _split(passages: Sequence[str], settings: Settings) -> list[list[Span]]:
    splitter = PassageSplitter(
        max_sentences=settings.max_passage_sentences, max_total=settings.max_client_batch_size
    )
    return await in_portions(splitter.split, passages, len)


def _result(
    sentences: Sequence[Span], judgements: Iterator[Judgement], threshold: float
) -> dict[str, Any]:
    """Render a passage, whose judgements come next."""
    scores = [judgement.scores for judgement in islice(judgements, len(sentences))]
    finding = find_decisive(scores, threshold)
    return {
        "relation": finding.relation,
        "scores": scores[finding.sentence],
        "sentence": sentences[finding.sentence],
        "sentences": len(sentences),
    }

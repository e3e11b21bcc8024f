"""The effect of each word of some pairs, for who asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from service.cues import Cue
from service.discriminator import Judgement, PairDiscriminator
from service.errors import ServiceError
from service.explanation import Effect, Occlusion, Pair, Side, explain, find_words, occlude
from service.routes.portions import in_portions
from service.settings import Settings
from service.span import Span

PairExplanation = dict[Side, list[Effect]]

_RELATION = "contradiction"

_CuedPair = tuple[Pair, Mapping[str, Sequence[Cue]]]


async def find_occlusions(
    pairs: Sequence[Pair],
    cues: Sequence[Mapping[str, Sequence[Cue]]],
    max_characters: int,
    settings: Settings,
) -> list[Occlusion]:
    """Find the words of some pairs, in threads.

    Args:
        pairs: The texts.
        cues: The cues of both texts of each pair.
        max_characters: Where a text is cut; what the model cannot have read is not looked at.
        settings: The limits.

    Raises:
        InputTooLong: A pair has too many words; `index` says which.
        TooManyInputs: All have too many; `index` says with which pair.
    """
    cued = [
        ((first[:max_characters], second[:max_characters]), found)
        for (first, second), found in zip(pairs, cues, strict=True)
    ]
    words = await in_portions(_find_words, cued, lambda pair: len(pair[0][0]) + len(pair[0][1]))
    return occlude(
        words, max_words=settings.max_explained_words, max_total=settings.max_client_batch_size
    )


def _find_words(pairs: Sequence[_CuedPair]) -> list[tuple[list[Span], list[Span]]]:
    return [
        (find_words(first, cues["a"]), find_words(second, cues["b"]))
        for (first, second), cues in pairs
    ]


async def explain_pairs(
    pairs: Sequence[Pair],
    occlusions: Sequence[Occlusion],
    judgements: Sequence[Judgement],
    discriminator: PairDiscriminator,
    *,
    deadline: float,
) -> list[PairExplanation]:
    """Judge pairs again without each of their words, and tell what the words do.

    Args:
        pairs: The texts.
        occlusions: What is taken away.
        judgements: Those of the whole pairs.
        discriminator: The judge.
        deadline: When to give up, on the event loop's clock.

    Raises:
        ServiceError: As `PairDiscriminator.judge` does; `index` is that of the pair.
    """
    whole = [judgement.scores[_RELATION] for judgement in judgements]
    if not occlusions:
        return explain([], whole, [])
    try:
        occluded = await discriminator.judge(
            [occlusion.apply(pairs[occlusion.pair]) for occlusion in occlusions],
            truncate=True,
            # Of a text of one word nothing is left without it.
            blanks_allowed=True,
            deadline=deadline,
        )
    except ServiceError as error:
        if error.index is not None:
            error.index = occlusions[error.index].pair
        raise
    without = [judgement.scores[_RELATION] for judgement in occluded.judgements]
    return explain(occlusions, whole, without)

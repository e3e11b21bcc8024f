"""The dev tasks: each takes an `Encode` and returns one figure between 0 and 1.

`Encode` is expected to remember what it encoded (`training.evaluation.encoding`): a task asks for
all its texts at once first, so that they run in large batches, and then for a few at a time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from training import corpus, public
from training.edited_contrasts import edited_contrasts
from training.evaluation import metrics
from training.evaluation.encoding import Encode, Vectors, as_queries

Task = Callable[[Encode], float | None]


def contrast(encode: Encode) -> float:
    """Passage contrasts of the distilled dev rows: pairwise accuracy (chance 0.25)."""
    return metrics.pairwise_accuracy(contrast_scores(encode, corpus.contrasts("dev")))


def contrast_wide(encode: Encode) -> float:
    """Passage contrasts of other instructions and more registers: pairwise accuracy."""
    return metrics.pairwise_accuracy(contrast_scores(encode, corpus.wide_contrasts()))


def contrast_edited(encode: Encode) -> float | None:
    """Contrasts of Wikipedia's passages with crowd workers' edits: pairwise accuracy."""
    rows = edited_contrasts()
    return metrics.pairwise_accuracy(contrast_scores(encode, rows)) if rows else None


def contrast_scores(encode: Encode, rows: Sequence[corpus.Contrast]) -> Vectors:
    """Cosine of each query of a contrast with each of its passages, (rows, 2 queries, 2 passages).

    The first passage meets the first query, the second the second.
    """
    asked = [text for row in rows for text in (row.query_a, row.query_b)]
    queries = encode(as_queries(encode, asked))
    docs = encode([text for row in rows for text in (row.doc_a, row.doc_b)])
    pairs = (len(rows), 2, -1)
    scores: Vectors = np.einsum("rqd,rpd->rqp", queries.reshape(pairs), docs.reshape(pairs))
    return scores


def exclusion(encode: Encode) -> float:
    """Exclusion queries of the distilled dev rows: relevant above violating (chance 0.5)."""
    rows = corpus.exclusions("dev")
    queries = as_queries(encode, [row.query for row in rows])
    encode([*queries, *(text for row in rows for text in (*row.relevant, *row.violating))])
    shares = []
    for query, row in zip(queries, rows, strict=True):
        scores = similarities(encode, query, (*row.relevant, *row.violating))
        cut = len(row.relevant)
        shares.append(metrics.share_above(scores[:cut], scores[cut:]))
    return float(np.mean(shares))


def exclusion_ndcg(encode: Encode) -> float:
    """Exclusion queries among all exclusion passages of the dev rows: nDCG@10 of the relevant.

    Unlike `exclusion` it also asks whether the passages are on the query's topic at all.
    """
    return searched(encode, corpus.exclusions("dev"))


def exclusion_search(encode: Encode) -> float:
    """Exclusion queries of ordinary difficulty among all their passages: nDCG@10 of the relevant.

    The dev rows of `exclusion` mislead the base encoder on purpose, so that any step away from it
    looks like a gain there; here it must be one.
    """
    return searched(encode, corpus.searches())


def searched(encode: Encode, rows: Sequence[corpus.Exclusion]) -> float:
    """nDCG@10 of the relevant passages of each row, among the passages of all rows."""
    asked, passages, relevant = exclusions_search(rows)
    scores = encode(as_queries(encode, asked)) @ encode(passages).T
    return metrics.ndcg_at_10(scores, relevant)


def exclusions_search(
    rows: Sequence[corpus.Exclusion], others: Sequence[str] = ()
) -> tuple[list[str], list[str], list[list[int]]]:
    """Exclusion queries, all their passages, and the positions of those relevant to each query.

    Args:
        rows: The queries with their passages.
        others: Passages of other queries, to search among as well; they come first.
    """
    own = [text for row in rows for text in (*row.relevant, *row.violating)]
    passages = list(dict.fromkeys([*others, *own]))
    where = {text: index for index, text in enumerate(passages)}
    relevant = [[where[text] for text in row.relevant] for row in rows]
    return [row.query for row in rows], passages, relevant


def same_over_negated(encode: Encode) -> float:
    """Texts that mean the same above texts that deny the anchor (chance 0.5)."""
    return group_order(encode, lambda group: (group.same, group.negated))


def same_over_hedged(encode: Encode) -> float:
    """Texts that mean the same above hedges of the anchor (chance 0.5)."""
    return group_order(encode, lambda group: (group.same, group.hedged))


def hedged_over_negated(encode: Encode) -> float:
    """Hedges above denials of the anchor (chance 0.5)."""
    return group_order(encode, lambda group: (group.hedged, group.negated))


def group_order(
    encode: Encode, sides: Callable[[corpus.Group], tuple[Sequence[str], Sequence[str]]]
) -> float:
    """Mean share of (higher, lower) texts of a group in the right order, over the dev groups."""
    groups = corpus.groups("dev")
    encode(
        [text for group in groups for texts in (*sides(group), (group.anchor,)) for text in texts]
    )
    shares = []
    for group in groups:
        higher, lower = sides(group)
        scores = similarities(encode, group.anchor, (*higher, *lower))
        shares.append(metrics.share_above(scores[: len(higher)], scores[len(higher) :]))
    return float(np.mean(shares))


def cannot(encode: Encode) -> float | None:
    """CANNOT dev: AUC of the cosine for paraphrase against negation (chance 0.5)."""
    pairs = public.load("cannot/dev")
    if not pairs:
        return None
    scores = pair_scores(encode, pairs)
    return metrics.auc(scores, np.array([pair["label"] == "same" for pair in pairs]))


def stsb(encode: Encode) -> float | None:
    """STS-B dev: Spearman correlation of the cosine with human similarity."""
    pairs = public.load("stsb/dev")
    if not pairs:
        return None
    return metrics.spearman(pair_scores(encode, pairs), np.array([pair["score"] for pair in pairs]))


def medquad(
    encode: Encode, *, queries: int | None = None, documents: int | None = None
) -> float | None:
    """MedQuAD dev: nDCG@10 of the one passage that answers each question.

    Args:
        encode: The encoder.
        queries: Use only so many questions.
        documents: Use only so many passages besides those that answer.
    """
    search = medquad_search(queries=queries, documents=documents)
    if search is None:
        return None
    questions, passages, relevant = search
    asked = encode(as_queries(encode, questions))
    return metrics.ndcg_at_10(asked @ encode(passages).T, relevant)


def medquad_search(
    *, queries: int | None = None, documents: int | None = None
) -> tuple[list[str], list[str], list[list[int]]] | None:
    """MedQuAD dev: questions, passages, and the position of the passage that answers each question.

    Args:
        queries: Use only so many questions.
        documents: Use only so many passages besides those that answer.
    """
    path = public.folder() / "medquad/qrels_dev.tsv"
    passages = {row["id"]: row["text"] for row in public.load("medquad/corpus")}
    questions = {row["id"]: row["text"] for row in public.load("medquad/queries_dev")}
    if not passages or not path.exists():
        return None
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    answers = {line[0]: line[1] for line in lines if line[0] in questions}
    asked = list(answers)[:queries]
    needed = {answers[name] for name in asked}
    others = [name for name in passages if name not in needed]
    random.Random(0).shuffle(others)
    names = [*sorted(needed), *others[:documents]]
    where = {name: index for index, name in enumerate(names)}
    return (
        [questions[name] for name in asked],
        [passages[name] for name in names],
        [[where[answers[name]]] for name in asked],
    )


def perspectives(encode: Encode) -> float | None:
    """Perspectrum dev: nDCG@10 of the perspectives on a claim, whichever side they take.

    Nothing of Perspectrum is trained on with labels, and of these texts nothing at all is
    (`training.rows`). Relevance that ignores stance is what an encoder loses that takes every
    disagreement for distance.
    """
    search = perspectives_search()
    if search is None:
        return None
    claims, views, relevant = search
    queries = encode(as_queries(encode, claims))
    return metrics.ndcg_at_10(queries @ encode(views).T, relevant)


def perspectives_search() -> tuple[list[str], list[str], list[list[int]]] | None:
    """Perspectrum dev: claims, perspectives, and the positions of the perspectives on each."""
    pairs = public.load("perspectrum/dev_claim_stance")
    if not pairs:
        return None
    claims = list(dict.fromkeys(pair["a"] for pair in pairs))
    views = list(dict.fromkeys(pair["b"] for pair in pairs))
    where = {text: index for index, text in enumerate(views)}
    relevant: dict[str, list[int]] = {claim: [] for claim in claims}
    for pair in pairs:
        relevant[pair["a"]].append(where[pair["b"]])
    return claims, views, list(relevant.values())


def similarities(encode: Encode, text: str, others: Sequence[str]) -> Vectors:
    """Cosine of a text with each of the others."""
    vectors = encode([text, *others])
    return vectors[1:] @ vectors[0]


def pair_scores(encode: Encode, pairs: Sequence[public.Row]) -> Vectors:
    """Cosine of the two texts of each pair."""
    first = encode([pair["a"] for pair in pairs])
    second = encode([pair["b"] for pair in pairs])
    return np.einsum("nd,nd->n", first, second)


DEV_TASKS: dict[str, Task] = {
    "contrast": contrast,
    "contrast_wide": contrast_wide,
    "contrast_edited": contrast_edited,
    "exclusion": exclusion,
    "exclusion_ndcg10": exclusion_ndcg,
    "exclusion_search": exclusion_search,
    "same_over_negated": same_over_negated,
    "same_over_hedged": same_over_hedged,
    "hedged_over_negated": hedged_over_negated,
    "cannot_auc": cannot,
    "stsb_spearman": stsb,
    "medquad_ndcg10": medquad,
    "perspectives_ndcg10": perspectives,
}

# During a run, retrieval is measured on a sample of MedQuAD; the evaluate stage runs all of it.
RUN_TASKS: dict[str, Task] = {
    **DEV_TASKS,
    "medquad_ndcg10": partial(medquad, queries=200, documents=800),
}

# What guessing gives, where that says something.
CHANCE = {
    "contrast": 0.25,
    "contrast_wide": 0.25,
    "contrast_edited": 0.25,
    "exclusion": 0.5,
    "same_over_negated": 0.5,
    "same_over_hedged": 0.5,
    "hedged_over_negated": 0.5,
    "cannot_auc": 0.5,
}

"""Our dev rows as tasks of `mteb`, which need no hub: hedging and exclusion."""

from __future__ import annotations

from typing import Any

from datasets import Dataset, DatasetDict
from mteb.abstasks import AbsTaskPairClassification, AbsTaskRetrieval
from mteb.abstasks.task_metadata import TaskMetadata

from training import corpus
from training.evaluation.comparison import dev_rows

SPLIT: corpus.Split = "dev"


def metadata(name: str, file: str, description: str, **others: Any) -> TaskMetadata:
    """What mteb is to know of a task; its data's revision is the digest of our file.

    Args:
        name: What it is asked for by.
        file: The file of dev rows.
        description: What is measured.
        others: `type` and `main_score` of the task.
    """
    return TaskMetadata(
        name=name,
        description=description,
        dataset={"path": f"training/data/{file}", "revision": dev_rows()[file]},
        category="t2t",
        modalities=["text"],
        eval_splits=[SPLIT],
        eval_langs=["eng-Latn"],
        domains=["Constructed", "Written"],
        license="apache-2.0",
        annotations_creators="LM-generated",
        sample_creation="LM-generated and verified",
        **others,
    )


class LitotesHedging(AbsTaskPairClassification):
    """An anchor with a text that means the same (1) or hedges it (0): average precision."""

    metadata = metadata(
        "LitotesHedging",
        "sentence.dev.jsonl",
        "Pairs of a statement and a text that means the same, or only hedges it.",
        type="PairClassification",
        main_score="max_ap",
    )

    def load_data(self, num_proc: int | None = None, **_: Any) -> None:
        """Make the pairs from the dev groups."""
        pairs = [
            {"sentence1": group.anchor, "sentence2": text, "labels": label}
            for group in corpus.groups(SPLIT)
            for label, texts in ((1, group.same), (0, group.hedged))
            for text in texts
        ]
        self.dataset = DatasetDict({SPLIT: Dataset.from_list(pairs)})
        self.data_loaded = True


class LitotesExclusion(AbsTaskRetrieval):
    """Exclusion queries among all exclusion passages: nDCG@10 of those that respect them."""

    metadata = metadata(
        "LitotesExclusion",
        "exclusion.dev.jsonl",
        "Queries that exclude something, among passages that respect it and that do not.",
        type="Retrieval",
        main_score="ndcg_at_10",
    )

    def load_data(self, num_proc: int | None = None, **_: Any) -> None:
        """Make queries, passages and relevance from the dev exclusions."""
        rows = corpus.exclusions(SPLIT)
        passages = [text for row in rows for text in (*row.relevant, *row.violating)]
        names = {text: f"p{number}" for number, text in enumerate(passages)}
        queries = [{"id": f"q{number}", "text": row.query} for number, row in enumerate(rows)]
        documents = [{"id": name, "text": text, "title": ""} for text, name in names.items()]
        self.dataset = {
            "default": {
                SPLIT: {
                    "queries": Dataset.from_list(queries),
                    "corpus": Dataset.from_list(documents),
                    "relevant_docs": {
                        query["id"]: {names[text]: 1 for text in row.relevant}
                        for query, row in zip(queries, rows, strict=True)
                    },
                    "top_ranked": None,
                }
            }
        }
        self.data_loaded = True


DEV_TASKS = (LitotesHedging, LitotesExclusion)

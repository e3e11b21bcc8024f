"""What a judge makes of the labels: a table of agreement, and the disagreements for a person."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training.judge.question import RELEVANT, Candidate, Question
from training.judge.scores import Line, write_whole

# Further patterns of a label are taken together: those of contrasts are free text.
PATTERNS = 15
OTHERS = "others"
# Disagreements in the file for people; all are in the one beside it.
SHOWN = 200
# Heading, name and factor of each figure of the table.
COLUMNS = (
    ("agree %", "agreement", 100.0),
    ("closeness", "closeness", 1.0),
    ("margin", "margin", 1.0),
    ("cosine", "cosine", 1.0),
)


@dataclass(frozen=True)
class Judged:
    """A question with the judgement of each of its candidates."""

    question: Question
    lines: tuple[Line, ...]

    def each(self) -> Iterator[tuple[Candidate, Line]]:
        """Each candidate with its judgement."""
        return zip(self.question.candidates, self.lines, strict=True)


def tabulate(lines: Iterable[Line]) -> dict[str, Any]:
    """Figures by kind of row, label and pattern: {kind: {label: {"all", "patterns"}}}."""
    groups: dict[str, dict[str, list[Line]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        groups[line["kind"]][line["label"]].append(line)
    return {
        kind: {
            label: {"all": figures(items), "patterns": by_pattern(items)}
            for label, items in labels.items()
        }
        for kind, labels in groups.items()
    }


def by_pattern(lines: Sequence[Line]) -> dict[str, dict[str, float]]:
    """Figures of the most frequent patterns, and of the rest together."""
    counts = Counter(line["pattern"] for line in lines if "pattern" in line)
    frequent = [pattern for pattern, _ in counts.most_common(PATTERNS)]
    groups: dict[str, list[Line]] = {pattern: [] for pattern in frequent}
    for line in lines:
        if "pattern" in line:
            name = line["pattern"] if line["pattern"] in groups else OTHERS
            groups.setdefault(name, []).append(line)
    return {pattern: figures(items) for pattern, items in groups.items()}


def figures(lines: Sequence[Line]) -> dict[str, float]:
    """How many pairs, the share whose label the judge would have chosen, and means.

    Closeness is the probability of equivalence; the margin is that of `scores.of_relevance`.
    """
    found: dict[str, float] = {
        "pairs": len(lines),
        "agreement": float(np.mean([line["agrees"] for line in lines])),
    }
    columns = {
        "closeness": [line["probabilities"].get("equivalence") for line in lines],
        "margin": [line.get("margin") for line in lines],
        "cosine": [line.get("cosine") for line in lines],
    }
    for name, values in columns.items():
        if None not in values:
            found[name] = float(np.mean(values))
    return {name: round(value, 4) for name, value in found.items()}


def table_of(table: Mapping[str, Any]) -> str:
    """The figures as a table of text."""
    heads = "".join(f"{head:>11}" for head, *_ in COLUMNS)
    rows = [f"{'kind':<11}{'label':<15}{'pattern':<26}{'pairs':>8}{heads}"]
    for kind, labels in table.items():
        for label, parts in labels.items():
            for pattern, values in {"all": parts["all"], **parts["patterns"]}.items():
                cells = "".join(
                    f"{values[name] * factor:>11.{1 if factor > 1 else 2}f}"
                    if name in values
                    else " " * 11
                    for _, name, factor in COLUMNS
                )
                start = f"{kind:<11}{label:<15}{shorten(pattern):<26}"
                rows.append(f"{start}{int(values['pairs']):>8}{cells}")
    return "\n".join(rows)


def shorten(text: str) -> str:
    """A pattern that fits its column."""
    return text if len(text) <= 25 else f"{text[:24]}…"


def disagreements(judged: Iterable[Judged]) -> list[Line]:
    """Where the judge would have chosen another label, the surest first."""
    found = [entry for item in judged for entry in of_question(item)]
    return sorted(found, key=lambda entry: -entry["sureness"])


def of_question(item: Judged) -> Iterator[Line]:
    """The disagreements of a question: each text with another relation, or one order."""
    question = item.question
    head = {"id": question.row, "kind": question.kind, "where": question.where}
    if question.relations:
        for candidate, line in item.each():
            if not line["agrees"]:
                probabilities = line["probabilities"]
                ahead = probabilities[line["choice"]] - probabilities[candidate.label]
                yield {
                    **head,
                    "sureness": round(ahead, 6),
                    "text": question.text,
                    "candidate": candidate.text,
                    **without(line, "id", "kind", "agrees", "texts"),
                }
    elif not all(line["agrees"] for line in item.lines):
        yield {**head, **wrong_order(item)}


def wrong_order(item: Judged) -> Line:
    """The relevant passage that is lowest and the other one that is highest.

    How sure the judge is of their order is read from the difference of their relevances as a
    logit: the probability of the wrong order less that of the right one.
    """
    sides: dict[bool, list[tuple[Candidate, Line]]] = {True: [], False: []}
    for candidate, line in item.each():
        sides[candidate.label == RELEVANT].append((candidate, line))
    lowest = min(sides[True], key=lambda pair: pair[1]["relevance"])
    highest = max(sides[False], key=lambda pair: pair[1]["relevance"])
    difference = highest[1]["relevance"] - lowest[1]["relevance"]
    return {
        "sureness": round(float(np.tanh(difference / 2)), 6),
        "text": item.question.text,
        **{
            name: {
                "field": candidate.field,
                "index": candidate.index,
                "relevance": line["relevance"],
                "text": candidate.text,
            }
            for name, (candidate, line) in (("relevant", lowest), ("irrelevant", highest))
        },
    }


def without(line: Line, *names: str) -> Line:
    """A judgement without what is said elsewhere."""
    return {name: value for name, value in line.items() if name not in names}


def write_disagreements(folder: Path, found: Sequence[Line], judge: str) -> None:
    """Write the disagreements as JSON Lines and, the first of them, for people."""
    write_whole(folder / "disagreements.jsonl", found)
    shown = found[:SHOWN]
    head = [
        "# Disagreements",
        f"Where {judge} would have chosen another label: {len(found)}, the surest first."
        + (f" The first {SHOWN} are here, all in `disagreements.jsonl`." * (len(found) > SHOWN)),
    ]
    parts = [section(number, entry) for number, entry in enumerate(shown, start=1)]
    text = "\n\n".join([*head, *parts]) + "\n"
    (folder / "disagreements.md").write_text(text, encoding="utf-8")


def section(number: int, entry: Line) -> str:
    """A disagreement for people."""
    title = f"## {number}. {entry['id']} ({entry['where']}), {entry['sureness']:.2f}"
    if "choice" in entry:
        pattern = f", {entry['pattern']}" if "pattern" in entry else ""
        said = json.dumps(entry["probabilities"])
        lines = [
            quoted("anchor", entry["text"]),
            quoted(f"{entry['field']} {entry['index']}{pattern}", entry["candidate"]),
            f"- label **{entry['label']}**, judge **{entry['choice']}**: `{said}`",
        ]
    else:
        lines = [quoted("query", entry["text"])]
        for name in ("relevant", "irrelevant"):
            side = entry[name]
            place = f"{side['field']} {side['index']}, {name}, at {side['relevance']:.2f}"
            lines.append(quoted(place, side["text"]))
    return "\n".join([title, "", *lines])


def quoted(name: str, text: str) -> str:
    """A text of a row, in one line, so that it cannot break the page."""
    fence = "``" if "`" in text else "`"
    return f"- {name}: {fence} {' '.join(text.split())} {fence}"

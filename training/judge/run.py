"""A run of a judge over rows: what is not judged yet, then the scores and the report."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from training.corpus import DATA
from training.distil.factory import make_calls, reap, summary
from training.distil.ledger import Ledger
from training.evaluation.base_encoder import BaseEncoder
from training.evaluation.encoding import Remembered
from training.judge import report
from training.judge.chat import ChatConfig, Verdicts, plan, read_chat
from training.judge.pair_judge import PairJudge, fingerprint
from training.judge.question import Key, Question
from training.judge.rows import KINDS, Rows, Skipped, read_rows
from training.judge.scores import ScoreFile, write_whole
from training.pair.similarity import cosines
from training.run import pin_configuration, write_json

logger = logging.getLogger(__name__)

BUNDLED = tuple(DATA / f"{kind}.train.jsonl" for kind in KINDS)
# Rows that are skipped are named on the terminal up to this many.
NAMED = 10


@dataclass(frozen=True)
class Options:
    """What the command line says.

    Args:
        rows: Files of rows; the bundled training rows where none is named.
        model: Folder of the pair model.
        encoder: Folder of the encoder that a pair model may correct.
        chat: Settings of a chat endpoint, to judge in the model's place.
        again: Ask the endpoint anew where a reply held no answer.
        closeness: Whether the base encoder's cosine is told too.
        base: The base encoder.
        name: Names the run.
        runs: Folder of the runs.
    """

    rows: Sequence[Path] = ()
    model: Path = Path("models/litotes-small-pair")
    encoder: Path = Path("models/litotes-small")
    chat: Path | None = None
    again: bool = False
    closeness: bool = False
    base: str = "all-MiniLM-L6-v2"
    name: str | None = None
    runs: Path = Path("runs")


@dataclass(frozen=True)
class Identity:
    """Whose judgements of what a run's folder holds: two of them are not mixed."""

    judge: str
    weights: str | None
    rows: list[str]


def main(options: Options) -> dict[str, Any]:
    """Judge what is not judged yet; figures of all that is.

    Raises:
        ValueError: A setting or a file is wrong, no row can be judged, or the endpoint or the
            budget stopped the run; what was judged is kept.
        service.errors.StartupError: The model folder cannot be served.
        OSError: A file cannot be read.
    """
    chat = read_chat(options.chat) if options.chat else None
    files = options.rows or BUNDLED
    name = name_of(options, chat)
    rows = read_rows(files)
    model = None if chat else PairJudge(options.model, options.encoder)
    if model:
        model.check(rows.questions)
    identity = identify(options, chat, files)
    folder = options.runs / "judge" / name
    with ScoreFile(folder.with_name(f"{name}.jsonl"), keep=chat is None) as scores:
        pin_configuration(identity, folder)
        near: Mapping[Key, float] = {}
        try:
            if model:
                run_model(model, rows, scores)
            elif chat:
                ask_endpoint(chat, rows.questions, folder, scores, again=options.again)
            near = closeness(rows.questions, options.base) if options.closeness else {}
        finally:
            figures = settle(rows, scores, near, folder, identity.judge)
    return figures


def name_of(options: Options, chat: ChatConfig | None) -> str:
    """The run's name: the one that was given, or that of the rows and the judge.

    Raises:
        ValueError: The name cannot be a file's.
    """
    if options.name is not None:
        if not re.fullmatch(r"\w[\w.+-]*", options.name):
            raise ValueError(f"--name {options.name}: letters, digits, '.', '+', '-' and '_' alone")
        return options.name
    rows = "+".join(path.stem for path in options.rows) or "corpus"
    judge = chat.endpoint.model if chat else options.model.resolve().name
    return re.sub(r"[^\w.+-]+", "-", f"{rows}.{judge}").lstrip(".+-")


def identify(options: Options, chat: ChatConfig | None, files: Sequence[Path]) -> Identity:
    """Who judges what.

    Raises:
        OSError: A file of the model cannot be read.
    """
    rows = [str(path) for path in files]
    if chat:
        return Identity(f"{chat.endpoint.model} at {chat.endpoint.base_url}", None, rows)
    return Identity(str(options.model), fingerprint(options.model), rows)


def run_model(judge: PairJudge, rows: Rows, scores: ScoreFile) -> None:
    """Have the pair model judge what it has not judged yet."""
    waiting = [question for question in rows.questions if scores.lines(question) is None]
    total = len(rows.questions)
    logger.info("%d of %d anchors and queries are to be judged", len(waiting), total)
    with (
        tqdm(total=total, initial=total - len(waiting), desc="Judging", unit="question") as bar,
        logging_redirect_tqdm(),
    ):
        for question, answer in judge.answers(waiting):
            if isinstance(answer, Skipped):
                rows.skipped.append(answer)
            else:
                scores.add(question, answer)
            bar.update()


def ask_endpoint(
    config: ChatConfig,
    questions: Sequence[Question],
    folder: Path,
    scores: ScoreFile,
    *,
    again: bool,
) -> None:
    """Have the endpoint judge what it has not been paid for; its replies are in the ledger.

    Raises:
        ValueError: A prompt, the key or the endpoint is wrong, or the budget is reached.
    """
    calls = plan(config, questions)
    with (
        Ledger(folder / "replies.jsonl") as ledger,
        Verdicts(folder / "rejected.jsonl", calls) as verdicts,
    ):
        try:
            answered = reap(ledger, verdicts)
            if again:
                answered &= verdicts.answers.keys()
            asked = [call for call, _ in calls.values()]
            make_calls(config, asked, ledger, verdicts, answered)
        finally:
            for question, answer in verdicts.answers.values():
                scores.add(question, answer)
            write_json(folder / "endpoint.json", summary(config, verdicts))


def closeness(questions: Sequence[Question], base: str) -> dict[Key, float]:
    """The base encoder's cosine of each pair."""
    encode = Remembered(BaseEncoder(base))
    keys = [key for question in questions for key in question.keys]
    pairs = [pair for question in questions for pair in question.pairs()]
    encode([text for pair in pairs for text in pair])
    return dict(zip(keys, cosines(encode, pairs).tolist(), strict=True))


def settle(
    rows: Rows, scores: ScoreFile, near: Mapping[Key, float], folder: Path, judge: str
) -> dict[str, Any]:
    """Put the scores in order, and write the figures, the disagreements and what was skipped."""
    lines = iter(scores.settle(rows.questions, near))
    judged = [
        report.Judged(question, tuple(next(lines) for _ in question.candidates))
        for question in rows.questions
        if scores.lines(question) is not None
    ]
    found = report.disagreements(judged)
    report.write_disagreements(folder, found, judge)
    write_whole(folder / "skipped.jsonl", map(asdict, rows.skipped))
    for row in rows.skipped[:NAMED]:
        logger.warning("%s: %s; skipped", row.where, row.reason)
    figures = {
        "judge": judge,
        "folder": str(folder),
        "questions": len(rows.questions),
        "judged": len(judged),
        "skipped": len(rows.skipped),
        "disagreements": len(found),
        "agreement": report.tabulate(line for item in judged for line in item.lines),
    }
    write_json(folder / "summary.json", figures)
    return figures

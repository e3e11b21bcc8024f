"""Have a judge look at labels: `python -m training.judge rows.jsonl`.

Leaves `runs/judge/<name>.jsonl`, a line for each pair of texts, and in the folder of that name the
figures (`summary.json`), the disagreements for a person and the rows that were skipped.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from training.judge.report import table_of
from training.judge.run import Options, main
from training.run import run_parsed

EXAMPLES = """examples:
  python -m training.judge
      the bundled training rows, by models/litotes-small-pair
  python -m training.judge runs/distil/rows/sentence.jsonl --closeness
      rows of your own, with the base encoder's cosine beside each judgement
  python -m training.judge rows.jsonl --chat training/experiments/judge.toml
      by a language model, within a budget
"""


def command_line() -> argparse.ArgumentParser:
    """The options of the command."""
    defaults = Options()
    parser = argparse.ArgumentParser(
        prog="python -m training.judge",
        description="Score rows of the corpus softly, and list the labels that look wrong.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("rows", type=Path, nargs="*", help="JSON Lines, one kind of row a file")
    add("--model", type=Path, default=defaults.model, help="pair model (default: %(default)s)")
    add(
        "--encoder",
        type=Path,
        default=defaults.encoder,
        help="encoder whose cosine a pair model corrects, if it does (default: %(default)s)",
    )
    add("--chat", type=Path, help="settings of a chat endpoint (TOML) that judges instead")
    add("--again", action="store_true", help="ask the endpoint anew where it gave no answer")
    add("--closeness", action="store_true", help="tell the base encoder's cosine too")
    add("--base", default=defaults.base, help="that encoder (default: %(default)s)")
    add("--name", help="of the run (default: of the rows and the judge)")
    add("--runs", type=Path, default=defaults.runs, help="folder of runs (default: %(default)s)")
    return parser


def stage(**arguments: Any) -> None:
    """Judge, and print what came of it."""
    try:
        figures = main(Options(**arguments))
    except KeyboardInterrupt:
        raise ValueError("interrupted: run it again to go on") from None
    print(table_of(figures["agreement"]))
    print(
        f"{figures['judged']} of {figures['questions']} anchors and queries judged,"
        f" {figures['skipped']} rows skipped, {figures['disagreements']} disagreements:"
        f" {figures['folder']}"
    )


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    run_parsed("training.judge", command_line(), stage)

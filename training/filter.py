"""Leave out rows that break the schema or nearly repeat others: `python -m training.filter`.

For what `make distil` made, before it joins the corpus. Of rows that nearly repeat one another the
first stays; a row goes as well if any of its texts nearly repeats one of the bundled dev split or
of a file that is named. What is left out lies beside the result, each row with its reason.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from training import corpus
from training.auditing.repeats import add_against, read_files
from training.auditing.rows import ROLES, path_of
from training.distil import schemas
from training.distil.rules import Rejection
from training.distil.text import first_fault, one_line
from training.near_duplicates import Likeness, NearDuplicates

# What rows carry beside the fields of their schema.
BESIDE = frozenset(("id", "kind", "domain", "source"))
OUTSIDE = -1
EXAMPLES = """examples:
  python -m training.filter runs/distil/rows/sentence.jsonl kept.jsonl
  python -m training.filter rows.jsonl kept.jsonl --against my_test_set.jsonl --force
"""


@dataclass(frozen=True)
class Line:
    """A line of the input.

    Args:
        number: Counted from 1.
        text: As it is written.
        content: What it holds, as far as it could be read.
        row: The row, or None where it breaks the schema.
        fault: How it does.
    """

    number: int
    text: str
    content: Any
    row: schemas.Row | None
    fault: str = ""


def main(
    source: Path,
    target: Path,
    likeness: Likeness,
    against: Sequence[Path] = (),
    *,
    force: bool = False,
) -> dict[str, int]:
    """Filter a file of rows, and count what was kept and what was left out, by rule.

    Args:
        source: JSON Lines, each row with its `kind`.
        target: The rows that were kept, as they were written.
        likeness: What counts as a near-duplicate.
        against: Files of texts that no row may nearly repeat, beside the bundled dev split.
        force: Overwrite what is there.

    Raises:
        ValueError: A file is there already, or cannot be read; the message names it.
    """
    dropped = target.with_suffix(".dropped.jsonl")
    check_targets(source, (target, dropped), force=force)
    lines = list(read_lines(source))
    rejections = schema_rejections(lines) | repeat_rejections(
        [line for line in lines if line.row is not None],
        dev_texts() | read_files(against),
        likeness,
    )
    write(target, (line.text for line in lines if line.number not in rejections))
    write(
        dropped,
        (record(line, rejections[line.number]) for line in lines if line.number in rejections),
    )
    counts = Counter(rejection.rule for rejection in rejections.values())
    return {"kept": len(lines) - len(rejections), **dict(sorted(counts.items()))}


def check_targets(source: Path, targets: Sequence[Path], *, force: bool) -> None:
    """Refuse to overwrite anything, and the input even by force."""
    for path in targets:
        if path.exists() and source.exists() and path.samefile(source):
            raise ValueError(f"{path} is the input itself")
        if path.exists() and not force:
            raise ValueError(f"{path} exists: name another file, or overwrite it with --force")


def read_lines(path: Path) -> Iterator[Line]:
    """The lines of a file, blank ones left out."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield read_line(number, line.rstrip("\n"))


def read_line(number: int, text: str) -> Line:
    """A line, and how it breaks the schema of its kind, if it does."""
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        return Line(number, text, text, None, f"no JSON: {error.msg}")
    if not isinstance(content, dict):
        return Line(number, text, content, None, "no object")
    kind = schemas.KINDS.get(str(content.get("kind")))
    if kind is None:
        known = ", ".join(schemas.KINDS)
        fault = one_line(f"kind is {content.get('kind')!r}, none of {known}")
        return Line(number, text, content, None, fault)
    fields = {name: value for name, value in content.items() if name not in BESIDE}
    if kind.row is schemas.Negatives:
        fields.pop("positive", None)
    try:
        return Line(number, text, content, kind.row.model_validate(fields))
    except ValidationError as error:
        return Line(number, text, content, None, first_fault(error))


def schema_rejections(lines: Sequence[Line]) -> dict[int, Rejection]:
    """The lines that are no row, by their number."""
    return {line.number: Rejection("schema", line.fault) for line in lines if line.row is None}


def dev_texts() -> dict[str, list[str]]:
    """The texts of the bundled dev split, by file."""
    paths = [path_of(corpus.DATA, kind, "dev") for kind in ROLES]
    return read_files([path for path in paths if path.exists()])


def repeat_rejections(
    lines: Sequence[Line], others: Mapping[str, Sequence[str]], likeness: Likeness
) -> dict[int, Rejection]:
    """The rows that nearly repeat an earlier row or a text from elsewhere, by their number.

    A row repeats an earlier one by a text that makes it what it is (its schema's `keys`), but a
    text from elsewhere by any.
    """
    texts: list[str] = []
    owners: list[int] = []
    slots: list[str] = []
    for line in lines:
        for slot, text in line.row.texts() if line.row else ():
            texts.append(text)
            owners.append(line.number)
            slots.append(slot)
    for name, found in others.items():
        texts.extend(found)
        owners.extend([OUTSIDE] * len(found))
        slots.extend([name] * len(found))
    keys = {line.number: line.row.keys for line in lines if line.row}
    earlier: dict[int, Rejection] = {}
    elsewhere: dict[int, Rejection] = {}
    pairs = NearDuplicates(likeness).pairs(texts, owners)
    # The texts of rows come in their order and before the others; the most alike is what is told.
    for pair in sorted(pairs, key=lambda pair: -pair.similarity):
        first, second = owners[pair.first], owners[pair.second]
        alike = f"({pair.similarity:.0%} alike)"
        if second == OUTSIDE:
            reason = f"{slots[pair.first]} nearly repeats a text of {slots[pair.second]} {alike}"
            whole = f"{reason}: {one_line(texts[pair.second])}"
            elsewhere.setdefault(first, Rejection("against", whole))
        elif slots[pair.second].partition(".")[0] in keys[second]:
            what = f"{slots[pair.first]} of line {first}"
            reason = f"{slots[pair.second]} nearly repeats {what} {alike}"
            earlier.setdefault(second, Rejection("duplicate", reason))
    return earlier | elsewhere


def record(line: Line, rejection: Rejection) -> str:
    """What was left out, as it is written."""
    content = {
        "line": line.number,
        "rule": rejection.rule,
        "reason": rejection.reason,
        "row": line.content,
    }
    return json.dumps(content, ensure_ascii=False)


def write(path: Path, lines: Iterator[str]) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.writelines(f"{line}\n" for line in lines)
    os.replace(partial, path)


def command() -> None:
    """Read the command line, filter, and tell what is wrong in one line."""
    parser = argparse.ArgumentParser(
        prog="python -m training.filter",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", type=Path, metavar="in.jsonl", help="rows to filter")
    parser.add_argument("target", type=Path, metavar="out.jsonl", help="rows that are kept")
    add_against(parser)
    parser.add_argument(
        "--threshold",
        type=float,
        default=Likeness.threshold,
        help="least Jaccard similarity of a near-duplicate (default: %(default)s)",
    )
    parser.add_argument("--force", action="store_true", help="overwrite what is there")
    options = parser.parse_args()
    try:
        counts = main(
            options.source,
            options.target,
            Likeness(options.threshold),
            options.against,
            force=options.force,
        )
    except (ValueError, OSError) as error:
        sys.exit(f"training.filter: {error}")
    print(", ".join(f"{rule} {count}" for rule, count in counts.items()))


if __name__ == "__main__":
    command()

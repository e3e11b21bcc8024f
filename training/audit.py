"""What is in the corpus, and what is wrong with it? `python -m training.audit`.

Counts lengths and cues, tries to tell near texts from far ones by shortcuts, looks for rows that
repeat others and for scenarios that dev shares with train, and measures how informative the
negatives are. Leaves `audit.json`, plots and the datasheet (README.md) in the corpus's folder.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from training import corpus, model_card
from training.auditing import plots, shortcuts
from training.auditing.census import census, patterns
from training.auditing.information import information
from training.auditing.repeats import add_against, read_files, repeats
from training.auditing.rows import ROLES, SPLITS, Row, path_of, read_rows
from training.auditing.scenarios import Coincidence, leaks
from training.evaluation.encoding import Encode
from training.near_duplicates import Likeness
from training.run import write_json

AUDIT = "audit.json"
PLOTS = "plots"
EXAMPLES = """examples:
  python -m training.audit
  python -m training.audit --output runs/audit --against my_test_set.jsonl
  python -m training.audit --data runs/mine/corpus --output runs/mine/audit
"""


@dataclass(frozen=True)
class Settings:
    """All that the figures depend on beside the corpus.

    Args:
        seed: Of every sample.
        base: The encoder whose similarities ECI is taken from; None to leave ECI out.
        sample: Queries of each pattern and source for ECI.
        likeness: What counts as a near-duplicate.
        coincidence: What counts as a scenario leak.
    """

    seed: int = 0
    base: str | None = "all-MiniLM-L6-v2"
    sample: int = 24
    likeness: Likeness = field(default_factory=Likeness)
    coincidence: Coincidence = field(default_factory=Coincidence)


def main(
    data: Path, output: Path, settings: Settings, against: Sequence[Path] = ()
) -> dict[str, Any]:
    """Audit a corpus, and write what was found.

    Args:
        data: Folder of `<kind>.<split>.jsonl`.
        output: Folder of the figures, the plots and the datasheet.
        settings: How it is audited.
        against: Files of texts that no row should nearly repeat.

    Raises:
        ValueError: A file cannot be read; the message names it.
    """
    others = read_files(against)
    rows = read_rows(data)
    audit = audit_of(rows, settings, others)
    audit["files"] = files(data, rows)
    audit["bundled"] = data.resolve() == corpus.DATA.resolve()
    output.mkdir(parents=True, exist_ok=True)
    write_json(output / AUDIT, audit)
    render(output)
    return audit


def render(output: Path) -> Path:
    """Draw the plots and write the datasheet of an audit that lies in a folder."""
    audit = model_card.read(output / AUDIT)
    plots.draw(audit, output / PLOTS)
    return model_card.render("datasheet.md.j2", output, audit=audit, plots=PLOTS)


def audit_of(
    rows: Sequence[Row], settings: Settings, others: dict[str, list[str]]
) -> dict[str, Any]:
    """Every figure, step by step."""
    steps: dict[str, Callable[[], dict[str, Any]]] = {
        "census": lambda: census(rows) | {"patterns": patterns(rows)},
        "shortcuts": lambda: {"shortcuts": shortcut_figures(rows)},
        "near-duplicates": lambda: {"repeats": repeats(rows, others, settings.likeness)},
        "scenarios": lambda: {"scenarios": leaks(rows, settings.coincidence)},
        "ECI": lambda: {"information": information_of(rows, settings)},
    }
    audit: dict[str, Any] = {"settings": asdict(settings)}
    with tqdm(steps.items(), unit="step") as bar:
        for name, step in bar:
            bar.set_description(name)
            audit |= step()
    return audit


def shortcut_figures(rows: Sequence[Row]) -> dict[str, Any]:
    """What the classifiers can tell, by what is compared."""
    return {
        name: shortcuts.measure(candidates)
        for name, candidates in shortcuts.comparisons(rows).items()
    }


def information_of(rows: Sequence[Row], settings: Settings) -> dict[str, Any]:
    """ECI under the base encoder, or nothing where that is left out."""
    if settings.base is None:
        return {}
    return information(rows, encoder(settings.base), settings.sample, settings.seed)


def encoder(base: str) -> Encode:
    """The base encoder."""
    # Slow to import, and not needed without ECI.
    from training.evaluation.base_encoder import BaseEncoder  # noqa: PLC0415

    return BaseEncoder(base)


def files(data: Path, rows: Sequence[Row]) -> dict[str, Any]:
    """Rows and texts of each file, and its digest."""
    found = {}
    for kind in ROLES:
        for split in SPLITS:
            own = [row for row in rows if (row.kind, row.split) == (kind, split)]
            if own:
                path = path_of(data, kind, split)
                found[path.name] = {
                    "rows": len(own),
                    "texts": dict(Counter(item.role for row in own for item in row.texts)),
                    "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                }
    return found


def print_summary(audit: dict[str, Any]) -> None:
    """Print what each classifier can tell, and how much repeats and leaks."""
    print(f"{'balanced accuracy, percent (chance 50)':<48}{'candidate alone':>17}{'overlap':>9}")
    for name, figures in audit["shortcuts"].items():
        columns = (("candidate_alone", 17), ("overlap", 9))
        print(f"{name:<48}" + "".join(shown(figures[key], width) for key, width in columns))
    found = dict(audit["repeats"])
    for name, figures in (found | found.pop("against")).items():
        print(f"near-duplicates, {name}: {figures['pairs']} pairs, {figures['rows']} rows")
    scenarios = audit["scenarios"]
    print(f"scenario leaks: {scenarios['pairs']} pairs, {scenarios['dev_rows']} dev rows")


def shown(share: float | None, width: int) -> str:
    """A share in percent, or a dash where there was too little to tell."""
    return f"{'-' if share is None else f'{100 * share:.1f}':>{width}}"


def command() -> None:
    """Read the command line, audit, and tell what is wrong in one line."""
    parser = argparse.ArgumentParser(
        prog="python -m training.audit",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, default=corpus.DATA, help="folder of the corpus")
    parser.add_argument("--output", type=Path, help="folder of the results (default: the corpus's)")
    add_against(parser)
    parser.add_argument("--seed", type=int, default=Settings.seed, help="of every sample")
    parser.add_argument("--no-eci", action="store_true", help="run no encoder")
    options = parser.parse_args()
    settings = Settings(options.seed, None if options.no_eci else Settings.base)
    try:
        output = options.output or options.data
        audit = main(options.data, output, settings, options.against)
    except (ValueError, OSError) as error:
        sys.exit(f"training.audit: {error}")
    print_summary(audit)
    print(f"In {output / AUDIT} and {output / 'README.md'}.")


if __name__ == "__main__":
    command()

"""The audit finds what was planted in a corpus, and the committed datasheet is of its audit."""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from corpora import Row, exclusion, item, sentence, thing, twins, write

from training import audit, model_card
from training.audit import PLOTS, Settings
from training.auditing import information, scenarios, shortcuts
from training.auditing.rows import read_rows
from training.auditing.scenarios import Coincidence
from training.corpus import DATA
from training.evaluation.encoding import Remembered, Vectors

ROOT = Path(__file__).parents[2]
LIGHT = Settings(base=None)
GROUPS = 60


def groups(first: int = 0, **options: str) -> list[Row]:
    return [sentence(number, **options) for number in range(first, first + GROUPS)]


def audited(
    tmp_path: Path, against: list[Path] | None = None, **files: list[Row]
) -> dict[str, Any]:
    data = write(tmp_path / "data", **files)
    return audit.main(data, tmp_path / "out", LIGHT, against or [])


@pytest.mark.usefixtures("no_public_data")
def test_a_corpus_without_faults_has_no_findings(tmp_path: Path) -> None:
    found = audited(
        tmp_path,
        sentence_train=groups(),
        sentence_dev=groups(500)[:5],
        exclusion_train=[exclusion(number) for number in range(20)],
    )
    for name in ("within train", "within dev", "train and dev"):
        assert found["repeats"][name] == {"pairs": 0, "rows": 0, "most_alike": []}
    assert found["scenarios"]["pairs"] == 0
    plain = found["shortcuts"]["same against negated"]
    assert plain["candidate_alone"] <= 0.6
    assert plain["overlap"] <= 0.65
    assert found["files"]["sentence.train.jsonl"]["rows"] == GROUPS
    assert found["lengths"]["sentence"]["anchor"]["p50"] == 4
    assert found["cues"]["sentence"]["negated"]["explicit"] == 0.5
    assert found["patterns"]["negated"] == {"lexical": 130, "verbal": 65, "determiner": 65}


@pytest.mark.usefixtures("no_public_data")
def test_planted_repeats_are_found_and_named(tmp_path: Path) -> None:
    within, leaked = sentence(900), sentence(501)
    within["anchor"] = sentence(7)["anchor"].replace("The", "Then the")
    leaked["negated"][0] = item(sentence(8)["same"][3]["text"], "lexical")
    lines = tmp_path / "own.txt"
    lines.write_text(f"something else\n{sentence(9)['neutral'][0]}\n")
    packed = tmp_path / "own.jsonl.gz"
    with gzip.open(packed, "wt") as file:
        json.dump({"id": thing(10), "pair": [{"text": sentence(10)["anchor"]}, "else"]}, file)
    found = audited(
        tmp_path,
        [lines, packed],
        sentence_train=[*groups(), within],
        sentence_dev=[leaked],
    )["repeats"]
    (within_train,) = {
        (one["first"].split()[0], one["second"].split()[0])
        for one in found["within train"]["most_alike"]
    }
    assert within_train == ("sent-7", "sent-900")
    across = found["train and dev"]["most_alike"][0]
    assert (across["first"], across["second"]) == ("sent-8 same", "sent-501 negated")
    assert across["similarity"] == 1.0
    assert found["against"]["own.txt"]["rows"] == 1
    assert found["against"]["own.txt"]["most_alike"][0]["second"] == "text 2"
    assert found["against"]["own.jsonl.gz"]["most_alike"][0]["first"] == "sent-10 anchor"


@pytest.mark.usefixtures("no_public_data")
def test_twins_are_counted_and_compared_but_pose_no_candidates(tmp_path: Path) -> None:
    told, again = sentence(501), twins(900)
    told["neutral"] = [twins(3)["query_b"]]
    again["query_a"] = twins(7)["query_b"]
    rows = [*(twins(number) for number in range(GROUPS)), again]
    found = audited(tmp_path, sentence_dev=[told], twins_train=rows)
    assert found["files"]["twins.train.jsonl"]["texts"] == {"query_a": 61, "query_b": 61}
    assert found["lengths"]["twins"]["query_a"]["p50"] == 8
    assert found["cues"]["twins"]["query_b"]["negation"] == 0
    assert found["repeats"]["within train"]["rows"] == 2
    within = found["repeats"]["within train"]["most_alike"][0]
    assert (within["first"], within["second"]) == ("twin-7 query_b", "twin-900 query_a")
    assert found["repeats"]["train and dev"]["rows"] == 2
    across = found["repeats"]["train and dev"]["most_alike"][0]
    assert (across["first"], across["second"]) == ("sent-501 neutral", "twin-3 query_b")
    (leak,) = found["scenarios"]["most_alike"]
    assert (leak["dev"], leak["train"]) == ("sent-501", "twin-3")
    assert found["shortcuts"] == {}
    assert "| 61 / 0 | `query_a`, `query_b`: queries" in (tmp_path / "out/README.md").read_text()


def test_a_scenario_of_dev_in_other_words_is_found(tmp_path: Path) -> None:
    told = sentence(501)
    told["anchor"] = "After the storm, Orlanda Vey repaired the lighthouse lantern with copper."
    again = sentence(901)
    again["neutral"] = ["With a lantern of copper the lighthouse welcomed Orlanda Vey once more."]
    data = write(tmp_path, sentence_train=[*groups(), again], sentence_dev=[told])
    rows = read_rows(data)
    found = scenarios.leaks(rows, Coincidence(topic=0.9, topic_with_names=0.3, common=0.03))
    (leak,) = found["most_alike"]
    assert (leak["dev"], leak["train"]) == ("sent-501", "sent-901")
    assert leak["names"] == ["orlanda", "vey"]
    assert {name for row in rows for name in scenarios.names(row)} == {"orlanda", "vey"}
    assert scenarios.leaks(rows, Coincidence(0.9, 0.9, 0.03))["pairs"] == 0


@pytest.mark.usefixtures("no_public_data")
def test_a_planted_shortcut_is_found_in_its_pattern_alone(tmp_path: Path) -> None:
    rows = groups()
    for row in rows:
        row["negated"][2] = item(row["anchor"].replace("is", "is absolutely"), "adverb")
    data = write(tmp_path, sentence_train=rows)
    found = shortcuts.measure(shortcuts.comparisons(read_rows(data))["same against negated"])[
        "patterns"
    ]
    assert found["adverb"]["candidate_alone"] >= 0.95
    assert found["adverb"]["far"] == GROUPS
    assert max(found, key=lambda pattern: found[pattern]["candidate_alone"]) == "adverb"
    assert found["lexical"]["candidate_alone"] <= 0.8


def test_too_few_anchors_give_no_accuracy(tmp_path: Path) -> None:
    data = write(tmp_path, sentence_train=groups()[:3])
    found = shortcuts.measure(shortcuts.comparisons(read_rows(data))["same against negated"])
    assert found == {
        "near": 12,
        "far": 12,
        "candidate_alone": None,
        "overlap": None,
        "patterns": {},
    }


def test_eci_is_the_first_versions_formula(tmp_path: Path, tiny_base: Path) -> None:
    query = information.Query("q", "p", ("near", "far"))
    cosines = {"q": [1.0, 0.0], "p": [0.8, 0.6], "near": [0.96, 0.28], "far": [0.6, 0.8]}

    def encode(texts: Sequence[str]) -> Vectors:
        return np.array([cosines[text] for text in texts], dtype=np.float32)

    found = information.effective([query], Remembered(encode))
    hardness, safety = 0.78, 0.5
    assert found["hardness"] == pytest.approx(hardness)
    assert found["safety"] == safety
    assert found["farther_than_positive"] == 0.5
    eci = math.log(3) * 2 * hardness * safety / (hardness + safety)
    assert found["eci"] == pytest.approx(eci, abs=1e-4)
    data = write(tmp_path, sentence_train=groups())
    rows = read_rows(data)
    figures = information.information(rows, audit.encoder(str(tiny_base)), sample=4, seed=0)
    assert set(figures) == {"negated", "hedged", "neutral"}
    assert set(figures["negated"]["patterns"]) == {"determiner", "lexical", "verbal"}
    assert figures["negated"]["negatives_a_query"] == 4
    assert figures["hedged"]["queries"] == 4


@pytest.mark.usefixtures("no_public_data")
def test_the_same_corpus_gives_the_same_files(tmp_path: Path) -> None:
    data = write(tmp_path / "data", sentence_train=groups()[:8], sentence_dev=groups(500)[:2])
    for name in ("one", "two"):
        audit.main(data, tmp_path / name, LIGHT)
    files = [path for path in sorted((tmp_path / "one").rglob("*")) if path.is_file()]
    assert [path.name for path in files] == [
        "README.md",
        "audit.json",
        "cues.svg",
        "lengths.svg",
        "shortcuts.svg",
    ]
    for path in files:
        assert (
            path.read_bytes()
            == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()
        )
    assert "None" not in (tmp_path / "one/README.md").read_text()
    assert sorted(path.name for path in data.iterdir()) == [
        "sentence.dev.jsonl",
        "sentence.train.jsonl",
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "sentence.train.jsonl: line 2 is no JSON"),
        ('{"anchor": "a"}', "sentence.train.jsonl: line 2 is no sentence row: 'same'"),
        ("[]", "sentence.train.jsonl: line 2 is no sentence row"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, line: str, message: str) -> None:
    data = write(tmp_path, sentence_train=groups()[:1])
    with (data / "sentence.train.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(ValueError, match=message):
        read_rows(data)


def test_the_command_tells_a_missing_corpus_in_one_line(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "training.audit", "--data", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr.startswith(f"training.audit: {tmp_path} has no rows")
    assert run.stderr.count("\n") == 1


def test_the_committed_datasheet_is_of_the_committed_audit(tmp_path: Path) -> None:
    (tmp_path / audit.AUDIT).write_bytes((DATA / audit.AUDIT).read_bytes())
    card = audit.render(tmp_path)
    assert card.read_text() == (DATA / "README.md").read_text()
    for path in sorted((DATA / PLOTS).iterdir()):
        ElementTree.parse(path)
        assert path.stat().st_size < 60_000


def test_the_committed_audit_is_of_the_bundled_files() -> None:
    files = model_card.read(DATA / audit.AUDIT)["files"]
    assert set(files) == {path.name for path in DATA.glob("*.jsonl")}
    for name, figures in files.items():
        assert hashlib.sha256((DATA / name).read_bytes()).hexdigest() == figures["sha256"]

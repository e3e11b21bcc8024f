"""The pair model as a judge of rows: scores, resumption, report, soft labels."""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from judgements import judge, lines, row, write_rows
from relevance import build_reranking_pair
from scipy.special import softmax

from training import judge as package
from training.judge.pair_judge import PairJudge
from training.judge.question import Question
from training.judge.rows import read_rows
from training.judge.run import BUNDLED, Options, name_of
from training.judge.scores import read_scores
from training.pair.evaluation import both_orders
from training.pair.relations import RELATIONS
from training.serving import ServedDiscriminator

SCRIPT = Path(package.__file__).parent / "__main__.py"


@pytest.fixture(scope="session")
def ranker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny pair model that also ranks."""
    return build_reranking_pair(tmp_path_factory.mktemp("ranker"))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Question]:
    """The questions that a pair model is asked."""
    found: list[Question] = []
    answers = PairJudge.answers

    def listen(self: PairJudge, questions: Sequence[Question]) -> Iterator[Any]:
        found.extend(questions)
        return answers(self, questions)

    monkeypatch.setattr(PairJudge, "answers", listen)
    return found


def test_each_pair_of_a_group_has_the_models_probabilities_in_both_orders(
    pair_folder: Path, tmp_path: Path
) -> None:
    figures = judge(tmp_path, write_rows(tmp_path, "sentence", 1), model=pair_folder)
    found = lines(tmp_path)
    group = row("sentence", 0)
    texts = [item["text"] for field in ("same", "negated", "hedged") for item in group[field]]
    pairs = [(group["anchor"], text) for text in (*texts, *group["neutral"])]
    served = ServedDiscriminator(pair_folder)
    columns = [served.spec.labels.index(name) for name in RELATIONS]
    expected = softmax(both_orders(served)(pairs)[:, columns], axis=1)
    got = [[line["probabilities"][name] for name in RELATIONS] for line in found]
    np.testing.assert_allclose(got, expected, atol=1e-5)
    assert [(line["field"], line["index"]) for line in found[2:5]] == [
        ("same", 2),
        ("negated", 0),
        ("negated", 1),
    ]
    assert found[3]["pattern"] == "verbal"
    for line in found:
        assert line["choice"] == max(line["probabilities"], key=line["probabilities"].get)
        assert line["agrees"] == (line["choice"] == line["label"])
    agreed = [line["agrees"] for line in found if line["label"] == "contradiction"]
    assert figures["agreement"]["sentence"]["contradiction"]["all"]["pairs"] == 4
    assert figures["agreement"]["sentence"]["contradiction"]["all"]["agreement"] == pytest.approx(
        np.mean(agreed)
    )


def test_passages_have_a_relevance_a_share_and_a_margin(ranker: Path, tmp_path: Path) -> None:
    files = [write_rows(tmp_path, kind, 1) for kind in ("retrieval", "exclusion")]
    judge(tmp_path, *files, model=ranker)
    twins, passages = lines(tmp_path)[:4], lines(tmp_path)[4:]
    fields = ["query_a/doc_a", "query_a/doc_b", "query_b/doc_a", "query_b/doc_b"]
    assert [line["field"] for line in twins] == fields
    own_side = [line["label"] == "relevant" for line in twins]
    assert own_side == [True, False, False, True]
    own, twin = twins[0], twins[1]
    assert own["margin"] == pytest.approx(own["relevance"] - twin["relevance"], abs=1e-5)
    assert twin["margin"] == own["margin"]
    assert own["agrees"] == (own["margin"] > 0)
    shares = [line["probabilities"]["relevant"] for line in passages]
    assert sum(shares) == pytest.approx(1, abs=1e-4)
    best = max(line["relevance"] for line in passages[2:])
    assert passages[0]["margin"] == pytest.approx(passages[0]["relevance"] - best, abs=1e-5)


def test_a_model_without_relevance_judges_sentence_rows_alone(
    pair_folder: Path, tmp_path: Path
) -> None:
    path = write_rows(tmp_path, "retrieval")
    with pytest.raises(ValueError, match=r"no relevance output: it cannot judge retrieval rows"):
        judge(tmp_path, path, model=pair_folder)
    assert not (tmp_path / "runs").exists()


def test_what_is_judged_is_not_judged_again(
    pair_folder: Path, tmp_path: Path, asked: list[Question]
) -> None:
    path = write_rows(tmp_path, "sentence", 3)
    judge(tmp_path, path, model=pair_folder)
    whole = (tmp_path / "runs/judge/small.jsonl").read_text()
    # As after a kill: the last row's lines are cut off in the midst.
    (tmp_path / "runs/judge/small.jsonl").write_text(whole[:-300])
    asked.clear()
    figures = judge(tmp_path, path, model=pair_folder)
    assert [question.row for question in asked] == ["sent-2"]
    assert (tmp_path / "runs/judge/small.jsonl").read_text() == whole
    assert figures["judged"] == 3

    changed = row("sentence", 0)
    changed["hedged"] = [{"text": "Reportedly it is open.", "pattern": "evidential"}]
    rest = path.read_text().splitlines()[1:2]
    path.write_text("\n".join([json.dumps(changed), *rest]) + "\n")
    asked.clear()
    judge(tmp_path, path, model=pair_folder)
    assert [question.row for question in asked] == ["sent-0"]
    assert {line["id"] for line in lines(tmp_path)} == {"sent-0", "sent-1"}


def test_judgements_of_two_judges_are_not_mixed(
    pair_folder: Path, ranker: Path, tmp_path: Path
) -> None:
    path = write_rows(tmp_path, "sentence")
    judge(tmp_path, path, model=pair_folder)
    with pytest.raises(ValueError, match="another configuration: name the run anew"):
        judge(tmp_path, path, model=ranker)


def test_scores_are_read_as_soft_labels(ranker: Path, tmp_path: Path) -> None:
    files = [write_rows(tmp_path, kind, 1) for kind in ("sentence", "retrieval")]
    judge(tmp_path, *files, model=ranker)
    path = tmp_path / "runs/judge/small.jsonl"
    scores = read_scores(path)
    assert len(scores) == 9 + 4
    assert set(scores["sent-0", "negated", 3]) == set(RELATIONS)
    assert sum(scores["sent-0", "neutral", 0].values()) == pytest.approx(1, abs=1e-5)
    shares = [scores["retr-0", f"query_b/doc_{name}", 0]["relevant"] for name in "ab"]
    assert sum(shares) == pytest.approx(1, abs=1e-5)
    path.write_text(path.read_text() + '{"id": "x"}\n')
    with pytest.raises(ValueError, match=r"small\.jsonl: line 14 is no judgement"):
        read_scores(path)


def test_the_surest_disagreements_come_first(ranker: Path, tmp_path: Path) -> None:
    files = [write_rows(tmp_path, kind, 3) for kind in ("sentence", "retrieval", "exclusion")]
    figures = judge(tmp_path, *files, model=ranker)
    found = lines(tmp_path, "disagreements.jsonl")
    sureness = [entry["sureness"] for entry in found]
    assert sureness == sorted(sureness, reverse=True)
    assert len(found) == figures["disagreements"] > 0
    wrong = [line for line in lines(tmp_path) if not line["agrees"]]
    assert {entry["id"] for entry in found} == {line["id"] for line in wrong}
    text = (tmp_path / "runs/judge/small/disagreements.md").read_text()
    assert text.index("## 1. ") < text.index("## 2. ")
    assert found[0]["where"] in text
    assert f"{files[0]}:1" in {entry["where"] for entry in found}


def test_closeness_is_the_base_encoders_cosine(
    pair_folder: Path, tiny_base: Path, tmp_path: Path
) -> None:
    path = write_rows(tmp_path, "sentence", 1)
    judge(tmp_path, path, model=pair_folder)
    assert "cosine" not in lines(tmp_path)[0]
    options = {"model": pair_folder, "base": str(tiny_base), "closeness": True}
    figures = judge(tmp_path, path, **options)
    cosines = [line["cosine"] for line in lines(tmp_path) if line["label"] == "contradiction"]
    mean = figures["agreement"]["sentence"]["contradiction"]["all"]["cosine"]
    assert mean == pytest.approx(np.mean(cosines), abs=1e-4)
    assert all(-1 <= cosine <= 1.0001 for cosine in cosines)


def test_a_text_that_the_model_cannot_take_costs_its_row_alone(
    ranker: Path, tmp_path: Path
) -> None:
    long = row("exclusion", 5)
    long["relevant"][0] = "the pump leaks and the door is open " * 4000
    path = write_rows(tmp_path, "exclusion", 2, json.dumps(long))
    figures = judge(tmp_path, path, model=ranker)
    assert (figures["judged"], figures["skipped"]) == (2, 1)
    (skipped,) = lines(tmp_path, "skipped.jsonl")
    assert skipped["where"] == f"{path}:3"
    assert "windows" in skipped["reason"]


def test_an_interrupted_run_keeps_what_it_judged(
    pair_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = PairJudge.answers

    def interrupt(self: PairJudge, questions: Sequence[Question]) -> Iterator[Any]:
        yield next(iter(answers(self, questions)))
        raise KeyboardInterrupt

    path = write_rows(tmp_path, "sentence", 3)
    with monkeypatch.context() as patch:
        patch.setattr(PairJudge, "answers", interrupt)
        arguments = [str(SCRIPT), str(path), "--model", str(pair_folder), "--name", "small"]
        patch.setattr(sys, "argv", [*arguments, "--runs", str(tmp_path / "runs")])
        with pytest.raises(SystemExit, match=r"^training.judge: interrupted: run it again"):
            runpy.run_path(str(SCRIPT), run_name="__main__")
    assert {line["id"] for line in lines(tmp_path)} == {"sent-0"}
    assert judge(tmp_path, path, model=pair_folder)["judged"] == 3


def test_the_command_prints_a_table(
    pair_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write_rows(tmp_path, "sentence", 2, "{")
    arguments = [str(path), "--model", str(pair_folder), "--runs", str(tmp_path / "runs")]
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *arguments])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    told = capsys.readouterr().out
    assert "contradiction  verbal" in told
    assert "2 of 2 anchors and queries judged, 1 rows skipped" in told
    assert (tmp_path / f"runs/judge/sentence.{pair_folder.name}.jsonl").exists()


def test_runs_are_named_by_rows_and_judge() -> None:
    options = Options(rows=(Path("a/sentence.jsonl"), Path("b.jsonl")), model=Path("models/pair"))
    assert name_of(options, None) == "sentence+b.pair"
    assert name_of(replace(options, rows=()), None) == "corpus.pair"
    with pytest.raises(ValueError, match="--name"):
        name_of(replace(options, name="../a"), None)


def test_the_bundled_rows_are_all_readable() -> None:
    rows = read_rows(BUNDLED)
    assert rows.skipped == []
    assert {question.kind for question in rows.questions} == {"sentence", "retrieval", "exclusion"}

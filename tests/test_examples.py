"""The examples against real servers over tiny models: that they run, not that they are right."""

from __future__ import annotations

import json
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
from serving import serving

from service.settings import Settings

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(scope="module")
def rag() -> ModuleType:
    spec = spec_from_file_location("negation_aware_rag", EXAMPLES / "negation_aware_rag.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    # Its dataclasses look their module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_every_bundled_passage_is_there_once_and_each_question_has_both_kinds(
    rag: ModuleType,
) -> None:
    questions, passages = rag.read_data()
    assert 50 <= len(passages) <= 70
    assert len(set(passages)) == len(passages)
    for question in questions:
        assert len(question.right) >= 3
        assert len(question.wrong) >= 3
    marks = [questions[0].mark(text) for text in passages]
    assert set(marks) == {"right", "WRONG", "other"}
    assert json.loads(rag.DATA.read_text())["others"][0] in passages


@pytest.mark.parametrize("top", [1, 4])
def test_each_way_hands_over_so_many_passages(
    rag: ModuleType, settings: Settings, two_part_folder: Path, top: int
) -> None:
    with serving(settings.model_copy(update={"model": two_part_folder})) as url:
        output = rag.run(url, top=top)
    questions, passages = rag.read_data()
    *_, plain, litotes, _, missing = output.splitlines()
    for line, way in ((plain, "plain"), (litotes, "litotes")):
        numbers = [int(word) for word in line.removeprefix(f"  {rag.WAYS[way]}").split()[::2]]
        assert sum(numbers) == top * len(questions)
    # The tiny pair model does not rerank, which is said, and all goes on without.
    assert missing.startswith("/rerank is left out: the pair model tiny-pair does not rerank")
    for way in rag.WAYS.values():
        assert output.count(f"  {way}\n") == len(questions)
    marked = [line.split("  ", 3)[-1] for line in output.splitlines() if line.startswith("    ")]
    assert set(marked) <= set(passages)


def test_without_a_pair_model_both_of_its_routes_are_named(
    rag: ModuleType, settings: Settings
) -> None:
    with serving(settings.model_copy(update={"pair_model": None})) as url:
        output = rag.run(url, top=2)
    *_, check, rerank = output.splitlines()
    assert check.startswith("/negation-check is left out: ")
    assert rerank.startswith("/rerank is left out: ")


def test_what_contradicts_the_claim_is_dropped_and_the_rest_is_in_the_order_of_relevance(
    rag: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = rag.Service(http=None, missing=set())
    monkeypatch.setattr(rag.Service, "relevances", lambda *_: [0.0, 1.0, 0.4])
    monkeypatch.setattr(rag.Service, "contradicted", lambda *_: [False, False, True])
    question = rag.Question("query", "claim", ("a",), ("c",))
    assert rag.check(service, question, ["a", "b", "c"]) == ["b", "a"]
    monkeypatch.setattr(rag.Service, "relevances", lambda *_: [0.0, 0.0, 0.0])
    assert rag.check(service, question, ["a", "b", "c"]) == ["a", "b"]


def test_a_service_that_is_not_there_is_one_line(rag: ModuleType) -> None:
    with pytest.raises(SystemExit, match=r"Is the service running \(make serve\)\?"):
        rag.main(["--url", "http://127.0.0.1:9"])


def test_help_shows_an_example(rag: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        rag.main(["--help"])
    assert "Example: python examples/negation_aware_rag.py" in capsys.readouterr().out

"""The three retrieval examples answer questions that say "not", where the base encoder does not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from snippets import ROOT, run

EXAMPLES = ROOT / "examples"
sys.path.append(str(EXAMPLES))

from rag_guide import PARTS, PLACES, QUESTIONS, TOP  # noqa: E402 - it lies beside the examples


def read_answers(output: str) -> dict[str, list[list[str]]]:
    """Read, for each question, the places that each part of the vector found."""
    answers: dict[str, list[list[str]]] = {}
    question = ""
    for line in output.splitlines():
        if line in QUESTIONS:
            question = line
            answers[question] = []
        elif line.strip().removesuffix(":") in PARTS.values():
            answers[question].append([])
        elif line.startswith("    "):
            name, _, text = line.strip().partition(": ")
            assert PLACES[name] == text
            answers[question][-1].append(name)
    return answers


@pytest.mark.parametrize("framework", ["langchain", "llamaindex", "haystack"])
def test_the_whole_vector_answers_what_the_base_encoder_gets_wrong(
    framework: str, released_url: str, tmp_path: Path
) -> None:
    output = run([str(EXAMPLES / f"rag_{framework}.py"), released_url], tmp_path)
    answers = read_answers(output)
    assert answers.keys() == QUESTIONS.keys()
    for question, (general, whole) in answers.items():
        assert len(general) == len(whole) == TOP
        assert general[0] not in QUESTIONS[question], question
        assert set(whole) == QUESTIONS[question], question
    prompt = output.partition("The prompt:\n")[2]
    assert all(PLACES[name] in prompt for name in QUESTIONS["hotels without a pool"])

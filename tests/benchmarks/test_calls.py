"""How contracts write calls, and how their answers are read."""

from __future__ import annotations

import base64

import numpy as np
import orjson
import pytest

from benchmarks.calls import Call, count_results, read_vectors, render

TEXTS = ("no pool", "not a hotel")


def test_each_contract_writes_what_it_knows() -> None:
    embed = Call("embed", TEXTS, 7)
    for contract, field in (("openai", "input"), ("tei", "inputs"), ("litotes", "input")):
        rendered = render(embed, contract)  # type: ignore[arg-type]
        assert rendered is not None
        assert orjson.loads(rendered.body)[field] == list(TEXTS)
        assert (rendered.items, rendered.tokens) == (2, 7)
    pairs = Call("pairs", TEXTS, 7)
    assert render(pairs, "openai") is None
    written = render(pairs, "litotes")
    assert written is not None
    assert orjson.loads(written.body) == {"pairs": [{"a": TEXTS[0], "b": TEXTS[1]}]}
    ranked = render(Call("rerank", TEXTS, 7), "tei")
    assert ranked is not None
    assert orjson.loads(ranked.body)["texts"] == [TEXTS[1]]


def test_answers_are_counted_and_read_in_both_shapes() -> None:
    row = np.array([1.5, -2], dtype="<f4")
    encoded = base64.b64encode(row.tobytes()).decode()
    openai = orjson.dumps({"data": [{"index": 0, "embedding": encoded}]})
    tei = orjson.dumps([row.tolist()])
    for contract, body in (("openai", openai), ("tei", tei)):
        assert count_results(contract, body) == 1  # type: ignore[arg-type]
        assert read_vectors(body).tolist() == [[1.5, -2]]
    with pytest.raises(ValueError, match="openai"):
        count_results("openai", b'{"error": "no"}')

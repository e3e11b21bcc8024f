"""How similar a query and a passage are, with an encoder whose cosines are known."""

from __future__ import annotations

import numpy as np
import pytest
from encoders import oracle

from training.pair import similarity
from training.pair.similarity import cosines, sentence_similarities

QUERY = "Does it never leak?"
SENTENCES = ["The tank is new.", "It never leaks.", "It has two taps."]
WHOLE = " ".join(SENTENCES)
SHORT = " ".join(SENTENCES[1:])
ENCODE = oracle({"It never leaks.": QUERY, SHORT: QUERY})


def test_a_sentence_that_answers_raises_its_passage() -> None:
    found, short = sentence_similarities(ENCODE, [(QUERY, WHOLE), (QUERY, SHORT)])
    asked, whole, *own = ENCODE([QUERY, WHOLE, *SENTENCES])
    soft = 0.1 * np.log(np.sum(np.exp(np.array(own) @ asked / 0.1)) / np.sqrt(3))
    assert found == pytest.approx((whole @ asked + soft) / 2, abs=1e-5)
    assert found > whole @ asked + 0.3
    # Of two sentences the passage stands for itself.
    assert short == pytest.approx(1.0)


def test_many_pairs_are_compared_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [(QUERY, text) for text in (*SENTENCES, WHOLE, SHORT)]
    together = sentence_similarities(ENCODE, pairs)
    monkeypatch.setattr(similarity, "_BLOCK", 2)
    assert sentence_similarities(ENCODE, pairs) == pytest.approx(together)
    assert cosines(ENCODE, pairs)[1] == pytest.approx(1.0)

"""Paraphrase by rule: contractions, figures for numbers, American spelling and synonyms."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

from training.probing.cues import keeps_cues
from training.probing.word_order import capital

SYNONYMS = Path(__file__).with_name("synonyms.toml")


def paraphrased(text: str) -> str:
    """A text with every word that the table knows replaced; cues of negation and hedging stay.

    A text without such a word comes back as it was.
    """
    pattern, table = synonyms()
    for word in reversed(list(pattern.finditer(text))):
        other = table[word.group().lower()]
        written = capital(other) if word.group()[0].isupper() else other
        changed = text[: word.start()] + written + text[word.end() :]
        if keeps_cues(text, changed):
            text = changed
    return text


@cache
def synonyms() -> tuple[re.Pattern[str], dict[str, str]]:
    """What finds the words to replace, and what each becomes.

    A contraction needs a word behind it ("that's how it is."), and a part of a word with a hyphen
    or an apostrophe is no word.
    """
    tables = tomllib.loads(SYNONYMS.read_text(encoding="utf-8"))
    contracted = "|".join(tables["contractions"])
    others = "|".join(word for name in tables if name != "contractions" for word in tables[name])
    pattern = rf"(?<![\w'\u2019-])(?:(?:{contracted})(?= \w)|(?:{others})(?![\w'\u2019-]))"
    return (
        re.compile(pattern, re.IGNORECASE),
        {word: other for table in tables.values() for word, other in table.items()},
    )

import itertools
import json
import re
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import get_args

import pytest

from service.cues import Cue, Kind, find_cues

DEV_ROWS = Path(__file__).parents[2] / "training" / "data" / "sentence.dev.jsonl"
DATA = tomllib.loads(files("service").joinpath("data/cues.toml").read_text(encoding="utf-8"))


def found(text: str) -> list[tuple[str, str]]:
    return [(cue.text, cue.kind) for cue in find_cues(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The valve did not open.", [("not", "explicit")]),
        ("It cannot rain, and nobody minds.", [("cannot", "explicit"), ("nobody", "explicit")]),
        ("Neither the cook nor the baker came.", [("Neither", "explicit"), ("nor", "explicit")]),
        ("No one saw the fox; none was there.", [("No one", "explicit"), ("none", "explicit")]),
        ("The shop no longer sells ink.", [("no longer", "explicit")]),
        ("A never-ending tale.", [("never-ending", "explicit")]),
        ("Her answer was dishonest.", [("dishonest", "affixal")]),
        ("An impossible, illegal plan.", [("impossible", "affixal"), ("illegal", "affixal")]),
        ("A harmless spider, a useless net.", [("harmless", "affixal"), ("useless", "affixal")]),
        ("A non-fatal dose.", [("non-fatal", "affixal")]),
        ("The nonrandomised arm.", [("nonrandomised", "affixal")]),
        ("The pump failed to start.", [("failed", "implicit")]),
        ("The bridge lacks a railing.", [("lacks", "implicit")]),
        ("She denied it and he refrained.", [("denied", "implicit"), ("refrained", "implicit")]),
        ("The soup is far from hot.", [("far from", "implicit")]),
        ("Few guests stayed.", [("Few", "quantifier")]),
        ("There is little evidence of frost.", [("little", "quantifier")]),
        ("Not all trams stop here.", [("Not all", "quantifier"), ("stop", "implicit")]),
        ("It costs less than ten crowns.", [("less than", "quantifier")]),
        ("They hardly ever quarrel.", [("hardly ever", "quantifier")]),
        ("All rooms except for the attic.", [("except for", "exclusion")]),
        ("Hotels without a pool", [("without", "exclusion")]),
        ("sugar-free jam", [("sugar-free", "exclusion")]),
        ("Nothing but rain all week.", [("Nothing but", "exclusion")]),
        ("Tea rather than coffee.", [("rather than", "exclusion")]),
        ("The lake may freeze.", [("may", "hedge")]),
        ("He reportedly left.", [("reportedly", "hedge")]),
        ("The stone is said to bring luck.", [("is said to", "hedge")]),
        ("I think the road is open.", [("I think", "hedge")]),
        ("It took about 20 minutes.", [("about", "hedge")]),
        ("May I open the window?", [("May", "hedge")]),
    ],
)
def test_cues_of_every_kind_are_found(text: str, expected: list[tuple[str, str]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "cue",
    [
        "don't",
        "don\u2019t",
        "don\u02bct",
        "dont",
        "DON'T",
        "can't",
        "cannot",
        "won\u2019t",
        "ain't",
        "n't",
        "wasn`t",
    ],
)
def test_every_spelling_of_a_contraction_is_an_explicit_cue(cue: str) -> None:
    assert found(f"They {cue} know.") == [(cue, "explicit")]


def test_words_that_only_look_negated_are_no_cues() -> None:
    lookalikes = (
        "understand important interest inform under bless lesson image irony discuss distance "
        "nonetheless nevertheless nonsense nonchalant united unique uncle until inside invent "
        "disease discover regardless stainless iron illness immediate knot noble note november "
        "mayor almighty canteen notice nova fewness lackey stopper iffy mighty coulda"
    )
    assert find_cues(lookalikes) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t ",
        "?!… — 😀",
        "The harbour froze in May 2020.",
        "She was born on 3 May and he in early May.",
        "This May the orchard bloomed.",
        "See no. 7 on the list.",
        "He opened the can of beans.",
        "A few guests stayed a little.",
        "The last few days were warm.",
        "The little girl laughed.",
        "He pulled with all his might.",
        "What kind of bird is that?",
        "It fell to minus 12 degrees.",
        "The bus stop is round the corner.",
        "a fail-safe valve, a stop-gap, a may-fly",
        "I can't wait!",
        "There is no doubt that it rained, and nonstop at that: a non-stop shower.",
        "He feels free to call.",
        "She told them about her garden.",
        "His office is close to the station.",
    ],
)
def test_a_text_without_cues_has_none(text: str) -> None:
    assert find_cues(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is not only cheap but also quick.", []),
        ("It is not cheap.", [("not", "explicit")]),
        ("Nothing but trouble.", [("Nothing but", "exclusion")]),
        ("No doubt there is no harm.", [("no", "explicit")]),
        ("No, doubt is no sin.", [("No", "explicit"), ("doubt", "implicit"), ("no", "explicit")]),
        ("Nobody came. But nobody minded.", [("Nobody", "explicit"), ("nobody", "explicit")]),
        ("Is it so? Not. All agree.", [("Not", "explicit")]),
        ("The May fair may rain off in May.", [("May", "hedge"), ("may", "hedge")]),
    ],
)
def test_the_longest_entry_wins_and_keeps_within_its_sentence(
    text: str, expected: list[tuple[str, str]]
) -> None:
    assert found(text) == expected


def test_offsets_count_characters_and_not_bytes_or_lower_cased_ones() -> None:
    text = "İĞÜ 😀 naïve Zoë did  not\nbelieve no\u00a0one."

    cues = find_cues(text)

    assert cues == [Cue("not", "explicit", 21, 24), Cue("no\u00a0one", "explicit", 33, 39)]
    assert [text[cue.start : cue.end] for cue in cues] == [cue.text for cue in cues]


def test_a_decomposed_accent_belongs_to_its_word() -> None:
    assert find_cues("No\u0301 se\u0301.") == []


def rows() -> Iterator[str]:
    for line in DEV_ROWS.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        yield row["anchor"]
        yield from row["neutral"]
        yield from (item["text"] for name in ("same", "negated", "hedged") for item in row[name])


def test_on_every_bundled_row_cues_are_ordered_slices_that_do_not_overlap() -> None:
    for text in rows():
        end = 0
        for cue in find_cues(text):
            assert end <= cue.start < cue.end <= len(text)
            assert text[cue.start : cue.end] == cue.text
            assert cue.text.strip() == cue.text
            assert cue.kind in get_args(Kind)
            end = cue.end


def test_most_bundled_hedges_hold_a_hedge_cue() -> None:
    hedged = [
        any(cue.kind in {"hedge", "exclusion"} for cue in find_cues(item["text"]))
        for line in DEV_ROWS.read_text(encoding="utf-8").splitlines()
        for item in json.loads(line)["hedged"]
    ]

    assert sum(hedged) / len(hedged) > 0.85


def entries(kind: str) -> list[str]:
    """Every spelling in the data, written out by other means than the reader's."""
    spellings = []
    for entry in DATA[kind]["entries"]:
        parts = re.split(r"\{([^}]*)\}", entry)
        choices = [part.split(",") if i % 2 else [part] for i, part in enumerate(parts)]
        spellings += ["".join(choice) for choice in itertools.product(*choices)]
    return spellings


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_entry_of_the_data_is_found_as_what_it_is(kind: str) -> None:
    for entry in entries(kind):
        cue, _, context = entry.replace("0", "12").partition(" | ")
        first = find_cues(f"{cue} {context}")[0]
        assert first == Cue(cue, first.kind, 0, len(cue))
        assert first.kind == kind


def test_no_false_friend_of_the_data_is_a_cue() -> None:
    for entry in entries("false_friends"):
        assert find_cues(entry.replace("0", "12")) == []


def test_no_spelling_is_listed_twice() -> None:
    listed = [entry for kind in (*get_args(Kind), "false_friends") for entry in entries(kind)]

    assert sorted(listed) == sorted(set(listed))


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "not ",
        "no" + " " * 50,
        "a-",
        "n't",
        "non-",
        "If only, if ",
        "no. ",
        "\u0301",
        "few, if ",
    ],
)
def test_hostile_repetition_takes_time_in_proportion(piece: str) -> None:
    text = (piece * 100_000)[:100_000]

    cues = find_cues(text)

    assert all(text[cue.start : cue.end] == cue.text for cue in cues)

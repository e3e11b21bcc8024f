"""Long passages beside a query, as windows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_models import build_tokenizer

from service.encoding import Encoding
from service.errors import EmptyInput, InputTooLong, InvalidInput
from service.tokenization import Tokenizer
from service.windows import PassageLimits, encode_windows, window_starts

pytestmark = pytest.mark.anyio

WORDS = build_tokenizer().get_vocab()
MAXIMUM = 13  # three special tokens and room for ten
LIMITS = PassageLimits(max_windows=4)


@pytest.fixture
def tokenizer(encoder_folder: Path) -> Iterator[Tokenizer]:
    tokenizer = Tokenizer(encoder_folder / "tokenizer.json", max_input_tokens=MAXIMUM, workers=2)
    yield tokenizer
    tokenizer.close()


def words(encoding: Encoding) -> str:
    names = {number: word for word, number in WORDS.items()}
    return " ".join(names[number] for number in encoding.ids.tolist())


@pytest.mark.parametrize(
    ("length", "width", "starts"),
    [
        (1, 8, [0]),
        (8, 8, [0]),
        (9, 8, [0, 1]),
        (14, 8, [0, 6]),
        (15, 8, [0, 6, 7]),
        (20, 8, [0, 6, 12]),
        (5, 1, [0, 1, 2, 3, 4]),
        (6, 3, [0, 3]),
    ],
)
def test_windows_overlap_by_a_quarter_and_the_last_ends_with_the_text(
    length: int, width: int, starts: list[int]
) -> None:
    assert window_starts(length, width) == starts


@pytest.mark.parametrize("length", range(1, 60))
@pytest.mark.parametrize("width", [1, 2, 3, 4, 7, 16])
def test_every_token_is_in_a_window_and_no_window_is_short(length: int, width: int) -> None:
    starts = window_starts(length, width)
    assert starts == sorted(set(starts))
    covered = {place for start in starts for place in range(start, min(start + width, length))}
    assert covered == set(range(length))
    assert length <= width or all(start + width <= length for start in starts)


async def test_a_short_passage_is_the_pair_it_is_elsewhere(tokenizer: Tokenizer) -> None:
    passages = ["no pool", "bad", "[SEP] not [MASK]"]
    windows = await encode_windows(tokenizer, "the drug", passages, LIMITS, truncate=False)
    pairs = [("the drug", passage) for passage in passages]
    expected = await tokenizer.encode_pairs(pairs, truncate=False)
    assert (windows.starts, windows.truncated) == ([0, 1, 2], [])
    for window, pair in zip(windows.encodings, expected, strict=True):
        assert window.ids.tolist() == pair.ids.tolist()
        assert window.type_ids.tolist() == pair.type_ids.tolist()
        assert not window.truncated


async def test_a_long_passage_has_windows_with_the_whole_query(tokenizer: Tokenizer) -> None:
    long = "the a an of in to and is was does did not"  # twelve
    windows = await encode_windows(
        tokenizer, "no pool", ["bad", long, "good"], LIMITS, truncate=False
    )
    assert windows.starts == [0, 1, 3]
    assert [words(encoding) for encoding in windows.encodings] == [
        "[CLS] no pool [SEP] bad [SEP]",
        "[CLS] no pool [SEP] the a an of in to and is [SEP]",
        "[CLS] no pool [SEP] in to and is was does did not [SEP]",
        "[CLS] no pool [SEP] good [SEP]",
    ]
    assert all(len(encoding) <= MAXIMUM for encoding in windows.encodings)
    assert windows.encodings[1].type_ids.tolist() == [0] * 4 + [1] * 9
    assert (windows.query_truncated, windows.truncated) == (False, [])


@pytest.mark.parametrize(
    ("direction", "kept"), [("right", "the drug is good the"), ("left", "good the pool is bad")]
)
async def test_a_query_over_half_of_the_room_is_cut_or_refused(
    tokenizer: Tokenizer, direction: str, kept: str
) -> None:
    query = "the drug is good the pool is bad"
    windows = await encode_windows(
        tokenizer, query, ["no", "not"], LIMITS, truncate=True, direction=direction
    )
    assert words(windows.encodings[1]) == f"[CLS] {kept} [SEP] not [SEP]"
    assert (windows.query_truncated, windows.truncated) == (True, [])
    assert [encoding.truncated for encoding in windows.encodings] == [True, False]
    with pytest.raises(InputTooLong, match=r"at most 5 tokens\. Given: 8") as failure:
        await encode_windows(tokenizer, query, ["no"], LIMITS, truncate=False)
    assert failure.value.index == 0


async def test_a_query_of_exactly_half_of_the_room_is_whole(tokenizer: Tokenizer) -> None:
    windows = await encode_windows(tokenizer, "no " * 5, ["a " * 5], LIMITS, truncate=False)
    assert [len(encoding) for encoding in windows.encodings] == [MAXIMUM]
    assert not windows.query_truncated


async def test_a_passage_with_too_many_windows_is_refused_by_its_place(
    tokenizer: Tokenizer,
) -> None:
    limits = PassageLimits(max_windows=3)
    few = ["no"] * 70
    whole = [*few, "a " * 23]
    assert (
        len((await encode_windows(tokenizer, "no", whole, limits, truncate=True)).encodings) == 73
    )
    passages = [*whole, "a " * 24]
    with pytest.raises(InputTooLong, match=r"3 windows of 9 tokens.* Given: 24") as failure:
        await encode_windows(tokenizer, "no", passages, limits, truncate=True)
    assert failure.value.index == 72


async def test_a_passage_is_cut_where_it_is_asked_for(tokenizer: Tokenizer) -> None:
    limits = PassageLimits(max_windows=2, max_tokens=11)
    passages = ["a " * 11, "a " * 12, "a " * 400, "a " * 100_000]
    windows = await encode_windows(tokenizer, "no", passages, limits, truncate=False)
    assert windows.truncated == [1, 2, 3]
    assert windows.starts == [0, 2, 4, 6]
    assert [encoding.truncated for encoding in windows.encodings] == [False] * 2 + [
        True,
        False,
    ] * 3


async def test_a_huge_passage_is_cut_before_it_is_tokenised(tokenizer: Tokenizer) -> None:
    for huge in ("no " * 1_000_000, "no" + " " * 1_000_000 + "good"):
        with pytest.raises(InputTooLong, match="more than") as failure:
            await encode_windows(tokenizer, "no", ["no", huge], LIMITS, truncate=True)
        assert failure.value.index == 2


@pytest.mark.parametrize(
    ("query", "passages", "index"),
    [("\u200b", ["no"], 0), ("no", ["no", "\x00"], 2), ("no", ["no", "no", "\ufffd"], 3)],
)
async def test_a_text_without_content_is_refused_by_its_place(
    tokenizer: Tokenizer, query: str, passages: list[str], index: int
) -> None:
    with pytest.raises(EmptyInput) as failure:
        await encode_windows(tokenizer, query, passages, LIMITS, truncate=True)
    assert failure.value.index == index


async def test_half_a_surrogate_pair_is_the_clients_fault(tokenizer: Tokenizer) -> None:
    for query, passage, index in (("\ud800", "no", 0), ("no", "\udfff", 1)):
        with pytest.raises(InvalidInput) as failure:
            await encode_windows(tokenizer, query, [passage], LIMITS, truncate=True)
        assert failure.value.index == index


async def test_special_tokens_that_a_passage_or_a_query_spells_are_text(tmp_path: Path) -> None:
    plain = build_tokenizer()
    plain.add_special_tokens(["[PAD]", "[CLS]", "[SEP]", "[MASK]"])
    plain.save(str(tmp_path / "tokenizer.json"))
    tokenizer = Tokenizer(tmp_path / "tokenizer.json", max_input_tokens=MAXIMUM, workers=1)
    texts = {
        "[SEP] no": "[sep] no",
        "no [CLS] drug [PAD] pool [MASK]": "no [cls] drug [pad] pool [mask]",
    }
    for text, small in texts.items():
        spelt = await encode_windows(tokenizer, text[:5], [text], LIMITS, truncate=False)
        plain_text = await encode_windows(tokenizer, small[:5], [small], LIMITS, truncate=False)
        ids, expected = ([w.ids.tolist() for w in s.encodings] for s in (spelt, plain_text))
        assert ids == expected
    tokenizer.close()

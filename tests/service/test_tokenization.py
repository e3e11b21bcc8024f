"""Texts to tokens, with a real tokenizer of a few dozen words."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from tiny_models import MAX_TOKENS, build_tokenizer

from service.encoding import Encoding
from service.errors import EmptyInput, InputTooLong, InvalidInput, StartupError, Unavailable
from service.template import Template
from service.tokenization import Tokenizer

pytestmark = pytest.mark.anyio

WORDS = build_tokenizer().get_vocab()


@pytest.fixture
def tokenizer(encoder_folder: Path) -> Iterator[Tokenizer]:
    tokenizer = Tokenizer(encoder_folder / "tokenizer.json", max_input_tokens=8, workers=2)
    yield tokenizer
    tokenizer.close()


def words(encoding: Encoding) -> str:
    names = {number: word for word, number in WORDS.items()}
    return " ".join(names[number] for number in encoding.ids.tolist())


async def test_the_settings_stored_with_the_tokenizer_are_ignored(tokenizer: Tokenizer) -> None:
    (encoding,) = await tokenizer.encode(["The drug does not work"], truncate=False)
    assert words(encoding) == "[CLS] the drug does not work [SEP]"
    assert (len(encoding), encoding.full_length, encoding.truncated) == (7, 7, False)
    assert encoding.type_ids.tolist() == [0] * 7


@pytest.mark.parametrize(
    ("direction", "kept"),
    [
        ("right", "[CLS] the drug is good the pool [SEP]"),
        ("left", "[CLS] is good the pool is bad [SEP]"),
    ],
)
async def test_either_end_of_a_long_text_can_be_cut(
    tokenizer: Tokenizer, direction: str, kept: str
) -> None:
    text = "the drug is good the pool is bad"
    (encoding,) = await tokenizer.encode([text], truncate=True, direction=direction)
    assert words(encoding) == kept
    assert (len(encoding), encoding.full_length, encoding.truncated) == (8, 10, True)


async def test_a_short_text_does_not_wait_for_a_thread(tokenizer: Tokenizer) -> None:
    gate = threading.Event()
    for _ in range(2):  # all threads
        tokenizer._pool.submit(gate.wait, 20)
    try:
        (encoding,) = await tokenizer.encode(["the pool is bad"], truncate=True)
        long = asyncio.create_task(tokenizer.encode_pairs([("no", "no " * 600)], truncate=True))
        await asyncio.sleep(0)
        assert not long.done()
    finally:
        gate.set()
    assert words(encoding) == "[CLS] the pool is bad [SEP]"
    assert [each.truncated for each in await long] == [True]


async def test_a_text_of_exactly_the_maximum_is_whole(tokenizer: Tokenizer) -> None:
    (encoding,) = await tokenizer.encode(["no " * 6], truncate=False)
    assert (len(encoding), encoding.truncated) == (8, False)


async def test_a_text_over_the_maximum_is_refused_by_its_place_and_length(
    tokenizer: Tokenizer,
) -> None:
    texts = ["no"] * 70 + ["no " * 7, "no " * 20]
    with pytest.raises(InputTooLong, match=r"at most 8 tokens\. Given: 9") as failure:
        await tokenizer.encode(texts, truncate=False)
    assert failure.value.index == 70


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b", "\x00"])
async def test_a_text_without_content_is_refused_by_its_place(
    tokenizer: Tokenizer, text: str
) -> None:
    for prompt in ("", "find : "):
        with pytest.raises(EmptyInput) as failure:
            await tokenizer.encode(["no", text], truncate=True, prompt=prompt)
        assert failure.value.index == 1
    with pytest.raises(EmptyInput) as failure:
        await tokenizer.encode_pairs([("no", "no"), ("no", text)], truncate=True)
    assert failure.value.index == 1


@pytest.mark.parametrize("text", ["\ud800", "no \udfff"])
async def test_half_a_surrogate_pair_is_the_clients_fault(tokenizer: Tokenizer, text: str) -> None:
    with pytest.raises(InvalidInput) as failure:
        await tokenizer.encode(["no", text], truncate=True)
    assert failure.value.index == 1
    with pytest.raises(InvalidInput):
        await tokenizer.encode_pairs([(text, "no")], truncate=True)


async def test_words_of_any_script_are_content(tokenizer: Tokenizer) -> None:
    encodings = await tokenizer.encode(["日本", "🙂", "ёж", "e\u0301"], truncate=True)
    assert all(len(encoding) > 2 for encoding in encodings)


SPELT = ["no [SEP] pool", "[CLS] no", "no[MASK]", "[PAD]", "[UNK] is bad"]


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Tokenizer]:
    """A tokenizer in whose file the special tokens are named, as in that of a real model."""
    plain = build_tokenizer()
    plain.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    plain.save(str(tmp_path / "tokenizer.json"))
    tokenizer = Tokenizer(tmp_path / "tokenizer.json", max_input_tokens=MAX_TOKENS, workers=1)
    yield tokenizer
    tokenizer.close()


@pytest.mark.parametrize("text", SPELT)
async def test_a_special_token_that_a_text_spells_is_its_characters(
    real: Tokenizer, text: str
) -> None:
    # Small letters name no special token, and the tokenizer makes all letters small.
    (spelt, small) = await real.encode([text, text.lower()], truncate=False)
    assert spelt.ids.tolist() == small.ids.tolist()
    spelt, small = await real.encode_pairs([(text, "no"), (text.lower(), "no")], truncate=False)
    assert spelt.ids.tolist() == small.ids.tolist()
    names = [token for token in real.encode_whole(text, add_special_tokens=False).tokens]
    assert not {"[PAD]", "[CLS]", "[SEP]", "[MASK]"}.intersection(names)


async def test_a_text_that_spells_no_special_token_is_read_as_ever(real: Tokenizer) -> None:
    texts = ["The drug does not work.", "no pool, [a] hotel"]
    plain = build_tokenizer()
    plain.no_truncation()
    plain.no_padding()
    for text, encoding in zip(texts, await real.encode(texts, truncate=False), strict=True):
        assert encoding.ids.tolist() == plain.encode(text).ids
    assert [encoding.ids[0] for encoding in await real.encode(texts, truncate=False)] == [2, 2]


async def test_the_prompt_goes_before_each_text(tokenizer: Tokenizer) -> None:
    (encoding,) = await tokenizer.encode(["pool"], truncate=False, prompt="find : ")
    assert words(encoding) == "[CLS] find : pool [SEP]"


async def test_a_text_that_merges_with_the_prompt_is_content(tokenizer: Tokenizer) -> None:
    (encoding,) = await tokenizer.encode(["s"], truncate=False, prompt="patient")
    assert words(encoding) == "[CLS] patients [SEP]"


@pytest.mark.parametrize("direction", ["right", "left"])
async def test_a_tokenizer_that_has_no_template_gives_the_same(
    encoder_folder: Path,
    tokenizer: Tokenizer,
    monkeypatch: pytest.MonkeyPatch,
    direction: Literal["right", "left"],
) -> None:
    monkeypatch.setattr(Template, "learn", lambda *_, **__: None)
    plain = Tokenizer(encoder_folder / "tokenizer.json", max_input_tokens=8, workers=1)
    texts = ["no", "the drug does not work", "the drug is good the pool is bad"]
    pairs = [(texts[0], texts[1]), (texts[2], texts[0]), (texts[2], texts[2])]
    found = [
        await each.encode(texts, truncate=True, direction=direction)
        + await each.encode_pairs(pairs, truncate=True, direction=direction)
        for each in (tokenizer, plain)
    ]
    for each, other in zip(*found, strict=True):
        assert each.ids.tolist() == other.ids.tolist()
        assert each.type_ids.tolist() == other.type_ids.tolist()
        assert (each.truncated, each.full_length) == (other.truncated, other.full_length)
    plain.close()


@pytest.mark.parametrize("direction", ["right", "left"])
async def test_of_a_text_that_is_cut_to_nothing_the_special_tokens_are_left(
    tokenizer: Tokenizer, direction: Literal["right", "left"]
) -> None:
    (encoding,) = await tokenizer.encode(["no"], truncate=True, direction=direction, max_tokens=0)
    assert words(encoding) == "[CLS] [SEP]"


async def test_a_closed_tokenizer_is_unavailable(tokenizer: Tokenizer) -> None:
    under_way = asyncio.create_task(tokenizer.encode(["no"] * 1000, truncate=True))
    await asyncio.sleep(0)
    tokenizer.close()
    for late in (under_way, tokenizer.encode(["no"], truncate=True)):
        with pytest.raises(Unavailable):
            await late


async def test_a_huge_text_is_cut_before_it_is_tokenised(tokenizer: Tokenizer) -> None:
    huge = "no " * 1_000_000
    (right,) = await tokenizer.encode([huge + "good"], truncate=True)
    (left,) = await tokenizer.encode([huge + "good"], truncate=True, direction="left")
    assert words(right) == "[CLS] no no no no no no [SEP]"
    assert words(left) == "[CLS] no no no no no good [SEP]"
    assert right.truncated
    assert right.full_length < 1000
    with pytest.raises(InputTooLong, match="more than"):
        await tokenizer.encode([huge], truncate=False)


async def test_white_space_alone_that_is_cut_is_reported_too(tokenizer: Tokenizer) -> None:
    (encoding,) = await tokenizer.encode(["no" + " " * 5000 + "good"], truncate=True)
    assert words(encoding) == "[CLS] no [SEP]"
    assert encoding.truncated


async def test_a_pair_is_two_texts_of_two_types(tokenizer: Tokenizer) -> None:
    (encoding,) = await tokenizer.encode_pairs([("the drug", "no pool")], truncate=False)
    assert words(encoding) == "[CLS] the drug [SEP] no pool [SEP]"
    assert encoding.type_ids.tolist() == [0, 0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("pair", "kept"),
    [
        (("no", "good " * 9), "[CLS] no [SEP] good good good good [SEP]"),
        (("good " * 9, "no"), "[CLS] good good good good [SEP] no [SEP]"),
        (("no " * 4, "good " * 9), "[CLS] no no [SEP] good good good [SEP]"),
        (("no " * 9, "good " * 9), "[CLS] no no [SEP] good good [SEP]"),
    ],
)
async def test_the_longer_text_of_a_pair_is_cut_first(
    tokenizer: Tokenizer, pair: tuple[str, str], kept: str
) -> None:
    (encoding,) = await tokenizer.encode_pairs([pair], truncate=True)
    assert words(encoding) == kept
    assert encoding.truncated
    with pytest.raises(InputTooLong):
        await tokenizer.encode_pairs([("no", "no"), pair], truncate=False)


async def test_many_callers_at_once_get_what_each_gets_alone(tokenizer: Tokenizer) -> None:
    lists = [["no " * (1 + (n + k) % 9) for k in range(n)] for n in range(1, 150, 3)]
    together = await asyncio.gather(*(tokenizer.encode(texts, truncate=True) for texts in lists))
    for texts, encodings in zip(lists, together, strict=True):
        expected = [min(8, 2 + text.count("no")) for text in texts]
        assert [len(encoding) for encoding in encodings] == expected


async def test_a_short_list_does_not_wait_for_the_whole_of_a_long_one(
    tokenizer: Tokenizer,
) -> None:
    long = asyncio.create_task(tokenizer.encode(["the drug works " * 50] * 1000, truncate=True))
    await asyncio.sleep(0)
    await tokenizer.encode(["no"], truncate=True)
    assert not long.done()
    await long


def test_a_file_that_is_no_tokenizer_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    with pytest.raises(StartupError, match=r"has no tokenizer\.json"):
        Tokenizer(path, max_input_tokens=8, workers=1)
    path.write_text("{}")
    with pytest.raises(StartupError, match="is not a tokenizer"):
        Tokenizer(path, max_input_tokens=8, workers=1)


def test_a_maximum_that_leaves_no_room_for_text_is_refused(encoder_folder: Path) -> None:
    with pytest.raises(StartupError, match="no room"):
        Tokenizer(encoder_folder / "tokenizer.json", max_input_tokens=3, workers=1)
    assert MAX_TOKENS > 3

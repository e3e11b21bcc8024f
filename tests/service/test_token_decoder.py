"""Token ids back to text, with an encoding of the tests' own, and what happens without one."""

from __future__ import annotations

import asyncio
import importlib
import sys
import threading

import pytest
import tiktoken

from service import token_decoder
from service.errors import EmptyInput, InvalidInput, UnreadableTokens
from service.token_decoder import TokenDecoder

pytestmark = pytest.mark.anyio

NAME = "litotes_tiny"
END_OF_TEXT = 400


async def test_each_array_becomes_the_text_that_it_was_made_of() -> None:
    texts = ["the drug does not work", "naïve — 文字 😀", "\n\tno  no "]
    arrays = [tiktoken.get_encoding(NAME).encode(text) for text in texts]
    assert await TokenDecoder(NAME).decode(arrays) == texts


async def test_a_special_token_becomes_its_name() -> None:
    assert await TokenDecoder(NAME).decode([[110, END_OF_TEXT]]) == ["n<|endoftext|>"]


@pytest.mark.parametrize("wrong", [-1, END_OF_TEXT - 1, END_OF_TEXT + 1, 2**32, 10**40])
async def test_an_id_that_is_none_is_named_with_its_array(wrong: int) -> None:
    with pytest.raises(InvalidInput, match=str(wrong)) as refusal:
        await TokenDecoder(NAME).decode([[110], [110, wrong, 111]])
    assert refusal.value.index == 1


async def test_an_empty_array_is_named() -> None:
    with pytest.raises(EmptyInput) as refusal:
        await TokenDecoder(NAME).decode([[110], [111], []])
    assert refusal.value.index == 2


async def test_token_ids_can_be_switched_off() -> None:
    with pytest.raises(UnreadableTokens, match="--token-encoding"):
        await TokenDecoder(None).decode([[110]])


async def test_without_the_package_the_way_to_install_it_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    with pytest.raises(UnreadableTokens, match=r"install litotes\[openai-tokens\]"):
        await TokenDecoder(NAME).decode([[110]])


async def test_an_encoding_that_was_mended_is_found_by_the_next_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decoder = TokenDecoder(NAME)
    load = tiktoken.get_encoding

    def fail(name: str) -> tiktoken.Encoding:
        raise ConnectionError("no network")

    monkeypatch.setattr(tiktoken, "get_encoding", fail)
    with pytest.raises(UnreadableTokens, match="TIKTOKEN_CACHE_DIR") as refusal:
        await decoder.decode([[110]])
    assert "no network" not in refusal.value.message
    monkeypatch.setattr(tiktoken, "get_encoding", load)
    assert await decoder.decode([[110]]) == ["n"]


async def test_a_download_that_hangs_holds_up_nobody_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decoder, fetched, loads = TokenDecoder(NAME), threading.Event(), []
    load = tiktoken.get_encoding

    def hang(name: str) -> tiktoken.Encoding:
        loads.append(name)
        assert fetched.wait(30)
        return load(name)

    monkeypatch.setattr(tiktoken, "get_encoding", hang)
    monkeypatch.setattr(token_decoder, "_PATIENCE", 0.05)
    for _ in range(2):
        with pytest.raises(UnreadableTokens, match="TIKTOKEN_CACHE_DIR"):
            await decoder.decode([[110]])
    fetched.set()
    monkeypatch.setattr(token_decoder, "_PATIENCE", 30)
    assert await decoder.decode([[110]]) == ["n"]
    assert loads == [NAME]


async def test_one_who_leaves_does_not_end_the_loading_for_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decoder, may_go_on = TokenDecoder(NAME), threading.Event()
    load = tiktoken.get_encoding

    def wait(name: str) -> tiktoken.Encoding:
        assert may_go_on.wait(30)
        return load(name)

    monkeypatch.setattr(tiktoken, "get_encoding", wait)
    leaving, staying = (asyncio.create_task(decoder.decode([[110]])) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.sleep(0)
    may_go_on.set()
    assert await staying == ["n"]
    assert leaving.cancelled()


def test_the_package_is_imported_only_when_it_is_needed() -> None:
    for name in ("service.app", "service.token_decoder"):
        assert "tiktoken" not in vars(importlib.import_module(name))

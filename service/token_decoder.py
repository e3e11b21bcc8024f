"""Token ids that OpenAI's clients send, back to the text that they were made of.

They are read with the encoding that they were made with, never with the model's own tokenizer: the
same number is another word there.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

from service.errors import EmptyInput, InvalidInput, UnreadableTokens

if TYPE_CHECKING:
    from tiktoken import Encoding

logger = logging.getLogger(__name__)

# Seconds until a request is refused because the encoding is not there: enough to read its file and
# to fetch it where there is a network, and less than it takes to find out that there is none.
_PATIENCE = 10.0

_STRINGS = (
    "or have the client send strings"
    " (with LangChain's OpenAIEmbeddings: check_embedding_ctx_length=False)"
)


class TokenDecoder:
    """Decodes token ids; the encoding is loaded when it is first asked for.

    Args:
        name: tiktoken's name of the encoding; None refuses all token ids.

    Attributes:
        name: The same.
    """

    def __init__(self, name: str | None) -> None:
        self.name = name
        self._loading: Future[Encoding] | None = None
        self._began = 0.0

    async def decode(self, arrays: Sequence[Sequence[int]]) -> list[str]:
        """Return the text of each array of ids; bytes that are no UTF-8 become U+FFFD.

        Raises:
            EmptyInput: An array is empty; `index` says which.
            InvalidInput: An id is not one of the encoding; `index` says in which array.
            UnreadableTokens: There is no encoding to read them with.
        """
        if self.name is None:
            raise UnreadableTokens(
                "`input` holds token ids, which this server does not read: set --token-encoding,"
                f" {_STRINGS}",
                param="input",
            )
        encoding = await self._encoding(self.name)
        return await asyncio.to_thread(_decode, encoding, arrays)

    async def _encoding(self, name: str) -> Encoding:
        if self._loading is None:
            self._loading, self._began = _load(name), time.monotonic()
        loading = self._loading
        try:
            async with asyncio.timeout(self._began + _PATIENCE - time.monotonic()):
                return await asyncio.wrap_future(loading)
        except TimeoutError:
            reason = _absent(name)
        except ModuleNotFoundError:
            reason = "the package tiktoken is not installed: install litotes[openai-tokens]"
        except Exception as error:
            # The library fails with whatever its download or its parser does.
            logger.warning("the encoding %s cannot be loaded: %r", name, error)
            reason = _absent(name)
        if loading.done():
            self._loading = None  # the next request finds what was mended meanwhile
        raise UnreadableTokens(f"`input` holds token ids, and {reason}, {_STRINGS}", param="input")


def _absent(name: str) -> str:
    return (
        f"their encoding {name!r} cannot be loaded here: put its file into the folder that"
        " TIKTOKEN_CACHE_DIR names (see docs/routes.md)"
    )


def _load(name: str) -> Future[Encoding]:
    """Load an encoding in a thread, which does not hold up the end of the process."""
    future: Future[Encoding] = Future()
    # So that a client who leaves does not cancel what others wait for.
    future.set_running_or_notify_cancel()

    def load() -> None:
        try:
            future.set_result(importlib.import_module("tiktoken").get_encoding(name))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=load, name="token encoding", daemon=True).start()
    return future


def _decode(encoding: Encoding, arrays: Sequence[Sequence[int]]) -> list[str]:
    return [_decode_array(encoding, ids, index) for index, ids in enumerate(arrays)]


def _decode_array(encoding: Encoding, ids: Sequence[int], index: int) -> str:
    if not ids:
        raise EmptyInput("`inputs` cannot be empty", index=index)
    try:
        return encoding.decode(ids)
    except (KeyError, OverflowError) as error:
        wrong = next(number for number in ids if not _is_known(encoding, number))
        raise InvalidInput(
            f"`inputs` holds {wrong}, which is not a token id of {encoding.name}", index=index
        ) from error


def _is_known(encoding: Encoding, number: int) -> bool:
    try:
        encoding.decode_single_token_bytes(number)
    except (KeyError, OverflowError):
        return False
    return True

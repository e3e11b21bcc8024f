"""The keys that requests must hold one of, from the environment and from a file that may change."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import time
from collections.abc import Iterable
from pathlib import Path

from service.errors import StartupError
from service.settings import Settings

logger = logging.getLogger(__name__)

# How often, in seconds, the file is looked at, and that only while requests come.
_LOOK_EVERY = 1.0

Stamp = tuple[int, int, int]  # of a file: its number, its size in bytes, its time in nanoseconds


class ApiKeys:
    """Keys by their hashes: no key can be read from this object, or from a log of it.

    Args:
        given: Keys that stay as they are.
        file: More of them, one a line; read again when it changes.

    Raises:
        StartupError: The file cannot be read, or there is no key at all.
    """

    def __init__(self, given: Iterable[str], file: Path | None = None) -> None:
        self._given = [_hash(key.encode()) for key in given]
        self._file = file
        self._of_file: list[bytes] = []
        self._stamp: Stamp | None = None
        self._looked = time.monotonic()
        if file is not None:
            try:
                self._stamp = _stamp(file)
                self._of_file = _read(file)
            except (OSError, ValueError) as error:
                raise StartupError(f"api_keys_file {file} cannot be used: {error}") from error
        if not self._given and not self._of_file:
            raise StartupError("api_keys holds no key: unset it to serve without one")

    @classmethod
    def read(cls, settings: Settings) -> ApiKeys | None:
        """Read the keys that the settings name; None where they name none.

        Raises:
            StartupError: The file cannot be read, or what is named holds no key.
        """
        if settings.api_keys is None and settings.api_keys_file is None:
            return None
        given = settings.api_keys.get_secret_value() if settings.api_keys else ""
        return cls(re.findall(r"[^\s,]+", given), settings.api_keys_file)

    def hold(self, key: bytes) -> bool:
        """Tell whether this is one of the keys, in a time that says nothing of them."""
        self._look()
        own = _hash(key)
        # Each is compared, also behind the one that fits.
        return sum(hmac.compare_digest(own, known) for known in self._given + self._of_file) > 0

    def _look(self) -> None:
        """Read the file again if it has changed; one that cannot be used leaves the keys alone."""
        now = time.monotonic()
        if self._file is None or now - self._looked < _LOOK_EVERY:
            return
        self._looked = now
        try:
            stamp = _stamp(self._file)
            if stamp == self._stamp:
                return
            self._stamp = stamp
            self._of_file = _read(self._file)
        except (OSError, ValueError) as error:
            logger.error("api_keys_file: the keys stay as they were: %s", error)
        else:
            logger.info("api_keys_file: read again, %d keys", len(self._of_file))


def _read(file: Path) -> list[bytes]:
    """Return the hashes of a file's keys.

    Raises:
        OSError: It cannot be read.
        ValueError: It is not UTF-8, or holds no key: an empty file would let nobody in, and more
            likely is half written.
    """
    lines = (line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines())
    keys = [_hash(line.encode()) for line in lines if line and not line.startswith("#")]
    if not keys:
        raise ValueError("it holds no key")
    return keys


def _stamp(file: Path) -> Stamp:
    status = os.stat(file)
    return status.st_ino, status.st_size, status.st_mtime_ns


def _hash(key: bytes) -> bytes:
    # All of one length: so a comparison tells nothing of a key's own.
    return hashlib.sha256(key).digest()

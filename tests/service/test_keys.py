"""API keys: where they come from, and when they are read again."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from service import keys as keys_module
from service.errors import StartupError
from service.keys import ApiKeys
from service.settings import Settings, read_settings


@pytest.fixture
def looks_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_module, "_LOOK_EVERY", 0.0)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    # Some file systems give two quick writes one time.
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))
    return path


def test_without_a_setting_there_are_no_keys() -> None:
    assert ApiKeys.read(Settings()) is None


@pytest.mark.parametrize("text", ["one,two", "one two", " one,\n\ttwo , "])
def test_keys_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("LITOTES_API_KEYS", text)
    keys = ApiKeys.read(read_settings([]))
    assert keys is not None
    assert [keys.hold(key) for key in (b"one", b"two", b"three", b"", b"one,two")] == [
        *(True, True, False, False, False)
    ]


def test_keys_come_from_a_file_a_line_each(tmp_path: Path) -> None:
    file = write(tmp_path / "keys", "\ufeff# for the pipeline\none\n\n  two, or so \r\nclé\n")
    keys = ApiKeys.read(Settings(api_keys_file=file))
    assert keys is not None
    assert all(keys.hold(key) for key in (b"one", b"two, or so", "clé".encode()))
    assert not any(keys.hold(key) for key in (b"two", b"# for the pipeline", b""))


def test_both_places_count(tmp_path: Path) -> None:
    keys = ApiKeys(["given"], write(tmp_path / "keys", "filed"))
    assert keys.hold(b"given")
    assert keys.hold(b"filed")


@pytest.mark.usefixtures("looks_always")
def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    file = write(tmp_path / "keys", "old")
    keys = ApiKeys(["given"], file)
    write(file, "new\n")
    assert [keys.hold(key) for key in (b"old", b"new", b"given")] == [False, True, True]
    write(tmp_path / "other", "newest").replace(file)
    assert [keys.hold(key) for key in (b"new", b"newest")] == [False, True]


@pytest.mark.usefixtures("looks_always")
@pytest.mark.parametrize("content", [None, b"", b"# none\n", b"\xff\xfe"])
def test_a_file_that_goes_bad_leaves_the_keys_as_they_were(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes | None
) -> None:
    file = write(tmp_path / "keys", "secret-one")
    keys = ApiKeys([], file)
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    with caplog.at_level(logging.INFO):
        assert keys.hold(b"secret-one")
        assert not keys.hold(b"")
    assert "the keys stay as they were" in caplog.text
    assert "secret-one" not in caplog.text
    write(file, "secret-two")
    assert keys.hold(b"secret-two")


def test_the_file_is_not_looked_at_for_each_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = ApiKeys([], write(tmp_path / "keys", "one"))
    looks: list[Path] = []
    monkeypatch.setattr(keys_module, "_stamp", looks.append)
    for _ in range(100):
        keys.hold(b"one")
    assert looks == []


@pytest.mark.parametrize("content", [None, b"", b"\n \n# none\n", b"\xff\xfe"])
def test_a_file_that_cannot_be_used_stops_the_start(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "keys"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(StartupError, match="cannot be used"):
        ApiKeys.read(Settings(api_keys_file=file))


def test_a_setting_without_a_key_in_it_does_not_open_the_service() -> None:
    with pytest.raises(StartupError, match="holds no key"):
        ApiKeys.read(Settings(api_keys=" , "))  # type: ignore[arg-type]


def test_keys_are_not_shown_with_the_settings() -> None:
    settings = Settings(api_keys="very-secret")  # type: ignore[arg-type]
    keys = ApiKeys.read(settings)
    assert "very-secret" not in f"{settings!r} {settings} {settings.model_dump()} {vars(keys)}"

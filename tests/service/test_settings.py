"""Settings from arguments and the environment, checked together."""

from __future__ import annotations

from pathlib import Path

import orjson
import pydantic
import pytest

from service.errors import StartupError
from service.settings import Settings, read_settings


def test_arguments_go_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITOTES_PORT", "9001")
    monkeypatch.setenv("LITOTES_MAX_BATCH_TOKENS", "4096")
    settings = read_settings(["--port", "9002"])
    assert (settings.port, settings.max_batch_tokens) == (9002, 4096)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "70000"], "port: "),
        (["--max-batch-size", "0"], "max_batch_size: "),
        (["--device", "tpu"], "device: "),
        (["--model", ""], "model: "),
        (["--pair-model="], "pair_model: "),
        (["--request-timeout", "0"], "request_timeout: "),
        (["--request-timeout", "inf"], "request_timeout: "),
        (["--shutdown-timeout", "nan"], "shutdown_timeout: "),
        (["--max-input-tokens", "600", "--max-batch-tokens", "512"], "max_input_tokens (600)"),
        (["--max-queue-tokens", "100", "--max-batch-tokens", "512"], "max_queue_tokens (100)"),
    ],
)
def test_a_wrong_setting_is_told_in_one_line(arguments: list[str], words: str) -> None:
    with pytest.raises(StartupError) as failure:
        read_settings(arguments)
    assert words in str(failure.value)
    assert "\n" not in str(failure.value)


def test_the_default_body_limit_holds_the_most_texts_of_two_thousand_characters() -> None:
    settings = Settings()
    body = orjson.dumps({"inputs": ["a" * 2000] * settings.max_client_batch_size})
    assert len(body) <= settings.max_body_bytes == 4 * 1024 * 1024


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        Settings().port = 1  # type: ignore[misc]


def test_the_model_is_called_after_its_folder_unless_it_is_named(tmp_path: Path) -> None:
    assert Settings(model=tmp_path / "some" / ".." / "mine").model_name == "mine"
    assert Settings(model=tmp_path, served_model_name="yours").model_name == "yours"


def test_the_default_pair_model_may_be_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_settings([]).find_pair_model() is None
    (tmp_path / "models" / "litotes-small-pair").mkdir(parents=True)
    assert read_settings([]).find_pair_model() == Path("models/litotes-small-pair")
    assert read_settings(["--pair-model", "none"]).find_pair_model() is None


def test_a_pair_model_that_was_named_must_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITOTES_PAIR_MODEL", str(tmp_path / "absent"))
    with pytest.raises(StartupError, match="absent is not a folder"):
        read_settings([]).find_pair_model()

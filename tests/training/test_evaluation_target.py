"""What a user may name for an evaluation, and what is refused before anything is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.evaluation.target import Target, read_target


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("openai:http://h:80/v1", Target("openai:http://h:80/v1", "openai", "http://h:80/v1")),
        (
            "openai:https://h/v1/#lab/small",
            Target("openai:https://h/v1/#lab/small", "openai", "https://h/v1", "lab/small"),
        ),
        ("tei:http://[::1]:9", Target("tei:http://[::1]:9", "tei", "http://[::1]:9")),
        ("lab/small", Target("lab/small", None, "lab/small")),
        ("all-MiniLM-L6-v2", Target("all-MiniLM-L6-v2", None, "all-MiniLM-L6-v2")),
    ],
    ids=["openai", "with a model", "tei", "on the hub", "the base"],
)
def test_an_address_says_where_the_encoder_is_and_what_it_speaks(
    text: str, expected: Target
) -> None:
    assert read_target(text) == expected


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    assert read_target(str(tmp_path)) == Target(str(tmp_path), None, str(tmp_path))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("models/litotes-small/", "models-litotes-small"),
        ("../elsewhere/it", "elsewhere-it"),
        ("openai:http://127.0.0.1:8080/v1#lab/a", "openai-http-127.0.0.1-8080-v1-lab-a"),
    ],
)
def test_an_address_gives_the_name_of_one_folder(text: str, name: str) -> None:
    assert Target(text, None, text).name == name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no folder ''"),
        ("./nowhere", r"there is no folder '\./nowhere' to measure: name a folder, a name"),
        ("/nowhere/at/all", "there is no folder"),
        ("http://127.0.0.1:8080", "does not say what it speaks: put openai: or tei: before"),
        ("tei:127.0.0.1:8080", "tei:127.0.0.1:8080 is no address: name a folder"),
        ("tei:ftp://h", "is no address"),
        ("openai:http://", "is no address"),
        ("openai:http://h:port/v1", "is no address"),
        ("openai:http://h:123456/v1", "is no address"),
    ],
)
def test_what_is_no_address_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        read_target(text)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    ["tei:http://me:s3cret@h", "openai:http://h/v1?key=s3cret", "http://me:s3cret@h?key=s3cret"],
)
def test_a_key_in_an_address_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r"EVALUATE_API_KEY|put openai:") as refused:
        read_target(text)
    assert "s3cret" not in str(refused.value)

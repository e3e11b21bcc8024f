"""Cohere's /v2/embed and /v1/embed, over a real server on tiny models."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from serving import serving
from tiny_models import GENERAL, PROMPTS, WORDS, calibration_of

from service.quantization import CalibrationRanges, Precision, quantize
from service.settings import Settings

ROUTES = ("/v2/embed", "/v1/embed")
EVERYWHERE = pytest.mark.parametrize("path", ROUTES)
TEXTS = ["the drug works", "the drug does not work", "a hotel without a pool", "no"]
LONG = "no pool and " * 40
MANY = [
    " ".join(np.random.default_rng(n).choice([w for w in WORDS if w.isalpha()], 2 + n % 9))
    for n in range(300)
]
# Eight bits of one vector, computed in two ways, may fall on the two sides of a step.
ONE_STEP = 1


def post(client: httpx.Client, path: str = "/v2/embed", **body: object) -> httpx.Response:
    return client.post(path, content=json.dumps(body))


def forms(client: httpx.Client, *types: str, **body: object) -> dict[str, Any]:
    response = post(client, **{"texts": TEXTS, "embedding_types": types, **body})
    assert response.status_code == 200, response.text
    return {name: np.array(rows) for name, rows in response.json()["embeddings"].items()}


def floats(client: httpx.Client, **body: object) -> np.ndarray:
    return forms(client, "float", **body)["float"]


def embed(client: httpx.Client, **body: object) -> np.ndarray:
    return np.array(client.post("/embed", json={"inputs": TEXTS, **body}).json())


def shared_range(vectors: np.ndarray) -> CalibrationRanges:
    return CalibrationRanges.read(calibration_of(vectors)).shared()


@pytest.fixture(scope="module")
def calibrated_client(
    settings: Settings, two_part_folder: Path, two_part_client: httpx.Client, models: Path
) -> Iterator[httpx.Client]:
    """A client of a server whose two-part model comes with calibration ranges."""
    folder = Path(shutil.copytree(two_part_folder, models / "tiny-calibrated"))
    content = calibration_of(embed(two_part_client, inputs=MANY))
    (folder / "calibration_ranges.json").write_text(json.dumps(content))
    with (
        serving(settings.model_copy(update={"model": folder})) as url,
        httpx.Client(base_url=url) as http,
    ):
        yield http


def test_texts_are_answered_in_cohere_s_fields(client: httpx.Client) -> None:
    response = post(client, model="theirs", texts=TEXTS, input_type="classification")
    answer = response.json()
    assert set(answer) == {"id", "response_type", "embeddings", "texts", "meta"}
    assert answer["response_type"] == "embeddings_by_type"
    assert answer["texts"] == TEXTS
    tokens = int(response.headers["x-compute-tokens"])
    assert answer["meta"] == {
        "api_version": {"version": "2"},
        "billed_units": {"input_tokens": tokens},
    }
    assert tokens > 2 * len(TEXTS)
    assert set(answer["embeddings"]) == {"float"}
    np.testing.assert_allclose(answer["embeddings"]["float"], embed(client), atol=1e-6)
    assert post(client, texts=TEXTS).json()["id"] != answer["id"]


def test_the_first_version_gives_plain_vectors_unless_a_form_is_named(
    client: httpx.Client,
) -> None:
    answer = post(client, "/v1/embed", texts=TEXTS).json()
    assert answer["response_type"] == "embeddings_floats"
    assert answer["meta"]["api_version"] == {"version": "1"}
    np.testing.assert_allclose(answer["embeddings"], embed(client), atol=1e-6)
    named = post(client, "/v1/embed", texts=TEXTS, embedding_types=["float"]).json()
    assert named["response_type"] == "embeddings_by_type"
    np.testing.assert_allclose(named["embeddings"]["float"], answer["embeddings"], atol=1e-6)


@EVERYWHERE
def test_inputs_in_pieces_are_texts_of_lines(client: httpx.Client, path: str) -> None:
    pieces = [
        {"content": [{"type": "text", "text": line} for line in text.split("\n")]}
        for text in ("no pool", "the drug\nworks")
    ]
    answer = post(client, path, inputs=pieces, embedding_types=["float"]).json()
    assert answer["texts"] == ["no pool", "the drug\nworks"]
    expected = embed(client, inputs=answer["texts"])
    np.testing.assert_allclose(answer["embeddings"]["float"], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("input_type", "prompt_name"),
    [
        ("search_query", "query"),
        ("search_document", "passage"),
        ("classification", None),
        ("clustering", None),
        (None, None),
    ],
)
def test_the_input_type_chooses_the_prompt_where_the_model_has_one(
    client: httpx.Client, input_type: str | None, prompt_name: str | None
) -> None:
    found = floats(client, input_type=input_type)
    np.testing.assert_allclose(found, embed(client, prompt_name=prompt_name), atol=1e-6)
    if prompt_name is not None:
        prompted = [PROMPTS[prompt_name] + text for text in TEXTS]
        np.testing.assert_allclose(found, embed(client, inputs=prompted), atol=1e-6)
        assert np.abs(found - embed(client)).max() > 1e-2


def test_a_model_without_prompts_takes_every_input_type(two_part_client: httpx.Client) -> None:
    plain = embed(two_part_client)
    for input_type in ("search_query", "search_document"):
        found = floats(two_part_client, input_type=input_type)
        np.testing.assert_allclose(found, plain, atol=1e-6)


def test_every_form_is_one_of_the_same_vectors(calibrated_client: httpx.Client) -> None:
    found = forms(calibrated_client, "float", "base64", "binary", "ubinary", "int8", "uint8")
    vectors = found["float"].astype(np.float32)
    decoded = [np.frombuffer(base64.b64decode(row), dtype="<f4") for row in found["base64"]]
    np.testing.assert_allclose(decoded, vectors, atol=1e-7)
    assert np.array_equal(found["ubinary"], np.packbits(vectors > 0, axis=1))
    assert np.array_equal(found["binary"], found["ubinary"] - 128)
    assert np.array_equal(found["int8"], found["uint8"] - 128)
    many = embed(calibrated_client, inputs=MANY)
    assert np.array_equal(found["uint8"], quantize(vectors, "uint8", shared_range(many)))
    # Nothing is cut off, and no step at the ends is wasted on both sides.
    levels = forms(calibrated_client, "uint8", texts=MANY)["uint8"]
    assert min(levels.min(), 255 - levels.max()) <= ONE_STEP


@pytest.mark.parametrize("more", [{}, {"negation_weight": 0.1}, {"output_dimension": GENERAL}])
def test_dot_products_of_eight_bits_rank_as_those_of_the_vectors(
    calibrated_client: httpx.Client, more: dict[str, float]
) -> None:
    stored = forms(calibrated_client, "float", "int8", texts=MANY, **more)
    asked = forms(calibrated_client, "float", "int8", texts=TEXTS, **more)
    true = (asked["float"] @ stored["float"].T).ravel()
    found = (asked["int8"] @ stored["int8"].T).ravel()
    assert np.corrcoef(true, found)[0, 1] > 0.999


def test_the_weight_of_a_query_counts_in_eight_bits_too(calibrated_client: httpx.Client) -> None:
    stored = forms(calibrated_client, "float", "int8", texts=MANY)
    for weight in (0, 0.9, 1):
        asked = forms(calibrated_client, "float", "int8", negation_weight=weight)
        for query, of_bytes in zip(asked["float"], asked["int8"], strict=True):
            found = stored["int8"] @ of_bytes
            assert np.corrcoef(stored["float"] @ query, found)[0, 1] > 0.999


@pytest.mark.parametrize("weight", [0, 0.1, 0.8, 1])
def test_eight_bits_follow_the_weight_of_the_polarity_part(
    calibrated_client: httpx.Client, weight: float
) -> None:
    known = shared_range(embed(calibrated_client, inputs=MANY, negation_weight=weight))
    vectors = embed(calibrated_client, negation_weight=weight).astype(np.float32)
    found = forms(calibrated_client, "uint8", negation_weight=weight)["uint8"]
    expected = np.array(quantize(vectors, "uint8", known), dtype=int)
    assert np.abs(found - expected).max() <= ONE_STEP
    assert found.max() > found.min()


@pytest.mark.parametrize("weight", [None, 0.3])
def test_eight_bits_follow_a_cut(calibrated_client: httpx.Client, weight: float | None) -> None:
    more = {"negation_weight": weight}
    known = shared_range(embed(calibrated_client, inputs=MANY, dimensions=GENERAL, **more))
    vectors = embed(calibrated_client, dimensions=GENERAL, **more).astype(np.float32)
    for form in ("int8", "uint8"):
        precision: Precision = form
        found = forms(calibrated_client, form, output_dimension=GENERAL, **more)[form]
        assert found.shape == (len(TEXTS), GENERAL)
        expected = np.array(quantize(vectors, precision, known), dtype=int)
        assert np.abs(found - expected).max() <= ONE_STEP


def test_bits_follow_a_cut(client: httpx.Client) -> None:
    found = forms(client, "float", "ubinary", output_dimension=3)
    np.testing.assert_allclose(found["float"], embed(client, dimensions=3), atol=1e-6)
    assert found["ubinary"].shape == (len(TEXTS), 1)


@EVERYWHERE
@pytest.mark.parametrize("form", ["int8", "uint8"])
def test_a_model_without_ranges_says_what_it_lacks(
    client: httpx.Client, path: str, form: str
) -> None:
    response = post(client, path, texts=TEXTS, embedding_types=["float", form])
    assert response.status_code == 422
    assert response.json() == {
        "message": "`embedding_types`: int8 and uint8 need calibration_ranges.json in the model"
        " folder, and tiny has none"
    }


@pytest.mark.parametrize(
    ("truncate", "same_as"),
    [("END", "right"), ("START", "left"), (None, "right"), ("absent", "right")],
)
def test_the_end_that_is_cut_can_be_chosen(
    client: httpx.Client, truncate: str | None, same_as: str
) -> None:
    text = "patient " * 40 + "not " * 40
    more = {} if truncate == "absent" else {"truncate": truncate}
    response = post(client, texts=["no", text], **more)
    assert response.headers["x-truncated-inputs"] == "1"
    expected = embed(client, inputs=["no", text], truncation_direction=same_as)
    np.testing.assert_allclose(response.json()["embeddings"]["float"], expected, atol=1e-6)


@EVERYWHERE
def test_a_text_that_may_not_be_cut_is_refused_with_its_index(
    client: httpx.Client, path: str
) -> None:
    response = post(client, path, texts=["no", LONG], truncate="NONE")
    assert (response.status_code, response.json()["index"]) == (422, 1)
    assert response.json()["message"].startswith("`texts[1]` must have at most 32 tokens")


def test_texts_are_read_up_to_so_many_tokens(client: httpx.Client) -> None:
    text = "the drug works and"
    response = post(client, texts=["no", text], max_tokens=2)
    assert response.headers["x-truncated-inputs"] == "1"
    expected = embed(client, inputs=["no", "the drug"])
    np.testing.assert_allclose(response.json()["embeddings"]["float"], expected, atol=1e-6)
    refused = post(client, texts=["no", text], max_tokens=2, truncate="NONE")
    assert (refused.status_code, refused.json()["index"]) == (422, 1)
    # More than the model reads changes nothing.
    long = post(client, texts=[LONG], max_tokens=9000)
    assert long.headers["x-truncated-inputs"] == "0"


def test_more_texts_than_cohere_takes_are_answered_in_order(client: httpx.Client) -> None:
    found = floats(client, texts=MANY)
    np.testing.assert_allclose(found, embed(client, inputs=MANY), atol=1e-6)


def test_fields_that_we_do_not_know_are_ignored(client: httpx.Client) -> None:
    body = {"texts": ["no"], "images": None, "priority": 3, "truncate": "END", "later": {"x": 1}}
    assert post(client, **body).status_code == 200


@EVERYWHERE
@pytest.mark.parametrize(
    ("body", "status", "index", "words"),
    [
        ([], 422, None, "the body must be a JSON object"),
        ({}, 422, None, "`texts` is required, or `inputs`"),
        ({"texts": []}, 400, None, "`texts` cannot be empty"),
        ({"texts": "no"}, 422, None, "`texts` must be a list"),
        ({"texts": ["no", ""]}, 400, 1, "`texts[1]` cannot be empty"),
        ({"texts": ["no", " \n"]}, 400, 1, "`texts[1]` cannot be empty"),
        ({"texts": ["no", 3]}, 422, 1, "`texts[1]` must be a string"),
        ({"texts": ["no", None]}, 422, 1, "`texts[1]` must be a string"),
        ({"texts": ["no", "\ud800"]}, 422, 1, "`texts[1]` holds a lone surrogate"),
        ({"texts": ["no"] * 2049}, 422, None, "`texts`: batch size 2049"),
        ({"texts": ["no"], "inputs": []}, 422, None, "`texts` or `inputs`, not both"),
        ({"inputs": []}, 400, None, "`inputs` cannot be empty"),
        ({"inputs": ["no"]}, 422, 0, "`inputs[0]` must be a JSON object"),
        ({"inputs": [{"content": []}]}, 400, 0, "`inputs[0]` cannot be empty"),
        ({"inputs": [{"content": "no"}]}, 422, 0, "`inputs[0].content` must be a list"),
        (
            {"inputs": [{"content": [{"type": "image_url", "image_url": {"url": "data:"}}]}]},
            422,
            0,
            "`inputs[0].content[0]` must be of the type `text`",
        ),
        (
            {"inputs": [{"content": [{"type": "text"}]}]},
            422,
            0,
            "`inputs[0].content[0].text` is required",
        ),
        ({"images": ["data:image/png;base64,AAAA"]}, 422, None, "`images`: images are not"),
        ({"texts": ["no"], "input_type": "image"}, 422, None, "`input_type`: images are not"),
        ({"texts": ["no"], "input_type": "search"}, 422, None, "`input_type` must be"),
        ({"texts": ["no"], "truncate": "left"}, 422, None, "`truncate` must be"),
        ({"texts": ["no"], "embedding_types": ["float", "int4"]}, 422, 1, "`embedding_types[1]`"),
        ({"texts": ["no"], "embedding_types": "float"}, 422, None, "`embedding_types` must be"),
        ({"texts": ["no"], "output_dimension": 0}, 422, None, "`output_dimension` should be pos"),
        ({"texts": ["no"], "output_dimension": 9000}, 422, None, "`output_dimension` should be"),
        ({"texts": ["no"], "output_dimension": 2.5}, 422, None, "`output_dimension` must be an"),
        ({"texts": ["no"], "max_tokens": 0}, 422, None, "`max_tokens` must be greater"),
        ({"texts": ["no"], "negation_weight": 0.5}, 422, None, "`negation_weight`"),
        ({"texts": ["no"], "model": 3}, 422, None, "`model` must be a string"),
    ],
)
def test_bad_input_is_refused_in_a_sentence_with_its_place(
    *,
    client: httpx.Client,
    path: str,
    body: object,
    status: int,
    index: int | None,
    words: str,
) -> None:
    response = client.post(path, content=json.dumps(body))
    error = response.json()
    assert (response.status_code, error.get("index")) == (status, index), error
    assert words in error["message"]
    assert set(error) <= {"message", "index"}


@EVERYWHERE
@pytest.mark.parametrize("body", [b"", b"no", b'{"texts": [NaN]}', b'{"texts": ["\xff"]}'])
def test_what_is_not_json_is_refused(client: httpx.Client, path: str, body: bytes) -> None:
    response = client.post(path, content=body)
    assert response.status_code == 400
    assert "body" in response.json()["message"]


@EVERYWHERE
def test_a_body_over_the_limit_is_refused(client: httpx.Client, path: str) -> None:
    response = client.post(path, content=b'{"texts": ["' + b"no " * 3_500_000 + b'"]}')
    assert response.status_code == 413
    assert "over the limit" in response.json()["message"]


@EVERYWHERE
def test_the_route_is_documented(client: httpx.Client, path: str) -> None:
    operation = client.get("/openapi.json").json()["paths"][path]["post"]
    assert {"200", "400", "413", "422", "424", "429", "503", "504"} <= set(operation["responses"])

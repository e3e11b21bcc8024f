"""Every limit an operator may set; what the model *is* comes from its folder instead."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, CliApp, SettingsConfigDict

from service.errors import StartupError

Device = Literal["auto", "cpu", "cuda", "openvino"]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Settings(BaseSettings):
    """Settings of one process: keyword arguments, command line, then `LITOTES_*` environment.

    Frozen, and checked together at construction, so that a bad deployment fails at its start.
    """

    model_config = SettingsConfigDict(
        env_prefix="LITOTES_",
        env_parse_none_str="none",
        cli_parse_none_str="none",
        cli_prog_name="litotes",
        cli_kebab_case=True,
        cli_hide_none_type=True,
        frozen=True,
    )

    model: Path = Field(Path("models/litotes-small"), description="Folder of the encoder.")
    pair_model: Path | None = Field(
        Path("models/litotes-small-pair"),
        description="Folder of the pair model; none turns /negation-check and reranking off.",
    )
    served_model_name: str | None = Field(
        None, min_length=1, description="Name the API answers to; the model folder's name if unset."
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    api_keys: SecretStr | None = Field(
        None,
        description="Keys that requests must hold one of, with commas or white space between them;"
        " best given in the environment, where no list of processes shows them.",
    )
    api_keys_file: Path | None = Field(
        None, description="File of such keys, one a line; it is read again when it changes."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe message to log."
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="Form of the log's lines; json has one object a line."
    )
    access_log: bool = Field(False, description="Log a line for each response.")
    metrics_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Port of their own for the metrics; the main one has none then.",
    )
    cors_origins: str | None = Field(
        None,
        min_length=1,
        description="Origins whose pages may call this service from a browser, with commas between"
        " them; * allows any. If unset, none may.",
    )
    otlp_endpoint: str | None = Field(
        None,
        min_length=1,
        description="URL to send OpenTelemetry traces to, such as http://127.0.0.1:4318/v1/traces;"
        " needs the extra `otel`.",
    )

    device: Device = Field(
        "auto",
        description="What runs the model: ONNX Runtime on the cpu or on cuda, or openvino; auto"
        " takes CUDA where it really works, else OpenVINO where it is installed and the processor"
        " computes in bfloat16.",
    )
    intra_op_num_threads: int = Field(
        0, ge=0, description="Threads of one forward pass; 0 takes the processors we may use."
    )
    tokenization_workers: int = Field(2, ge=1, le=64, description="Threads that tokenise.")

    max_batch_tokens: Count | None = Field(
        None,
        description="Tokens of one forward pass, padding included;"
        " if unset, what suits the device: 512 a core, at least 1024, or 16384 on CUDA.",
    )
    max_batch_size: Count = Field(512, description="Texts of one forward pass.")
    max_queue_tokens: Count = Field(
        1_048_576,
        description="Tokens that may wait; a request that would exceed them is refused with 429,"
        " unless nothing waits: then a request of any size is taken.",
    )
    max_client_batch_size: Count = Field(
        2048,
        description="Texts of one request; in a negation check also the words that are explained"
        " and the sentences of the passages, each taken together.",
    )
    max_passage_windows: Count = Field(
        32, description="Windows of one passage to rerank; a longer one is refused."
    )
    rerank_similarity: bool = Field(
        True,
        description="Rank passages by the encoder's cosine too, where the pair model was trained"
        " to correct it; without, the encoder's passes are spared and the order is worse.",
    )
    rerank_sentences: bool = Field(
        True,
        description="Read a passage of 3 to 64 sentences one by one where the encoder's cosine"
        " counts, and not as a whole: a better order of passages that differ in a clause, for up to"
        " twice the tokens.",
    )
    max_passage_sentences: Count = Field(
        256, description="Sentences of one passage to check against a claim."
    )
    max_explained_words: Count = Field(
        100, description="Words to explain in one pair, those of both texts together."
    )
    max_token_vectors: Count = Field(
        16_384, description="Tokens of one /embed_all request, each of which gets a vector."
    )
    max_listed_tokens: Count = Field(
        131_072, description="Tokens of one /tokenize request, each of which is described."
    )
    max_cached_vectors: int = Field(
        0,
        ge=0,
        description="Vectors to keep for texts that come again, some 4 KB each; 0 keeps none.",
    )
    max_body_bytes: Count = Field(
        4 * 1024 * 1024,
        description="Bytes of one request body, unpacked if it came packed;"
        " the default holds 2048 texts of 2,000 characters.",
    )
    max_input_tokens: Count | None = Field(
        None, description="Tokens of one text; the model's own maximum if unset."
    )
    token_encoding: str | None = Field(
        "cl100k_base",
        min_length=1,
        description="tiktoken encoding that OpenAI clients' token ids are read with;"
        " none refuses token ids.",
    )
    auto_truncate: bool = Field(
        True, description="Cut texts over the maximum where the request does not say."
    )
    request_timeout: Seconds = Field(
        300.0, description="Seconds a request may take in all, from the end of its headers."
    )
    pass_timeout: Seconds = Field(
        60.0,
        description="Seconds after which a forward pass, the wait for the other model's included,"
        " is taken to be stuck: who waits is told, and the service is not ready until it ends.",
    )
    shutdown_timeout: Seconds = Field(
        20.0,
        description="Seconds to finish requests in after a signal to stop; a second one stops at"
        " once.",
    )
    max_head_bytes: Count = Field(
        64 * 1024, description="Bytes of a request's line and headers, together."
    )
    head_timeout: Seconds = Field(
        10.0, description="Seconds that a request's line and headers may take to arrive."
    )

    @field_validator("model", "pair_model", mode="before")
    @classmethod
    def _names_a_folder(cls, value: object) -> object:
        # An empty path would be the folder that the process happens to be in.
        if value == "":
            raise ValueError("empty: name a folder")
        return value

    @model_validator(mode="after")
    def _limits_agree(self) -> Self:
        if self.max_batch_tokens is None:
            return self
        if self.max_input_tokens is not None and self.max_input_tokens > self.max_batch_tokens:
            raise ValueError(
                f"max_input_tokens ({self.max_input_tokens}) is over"
                f" max_batch_tokens ({self.max_batch_tokens}): such a text would fit in no batch"
            )
        if self.max_queue_tokens < self.max_batch_tokens:
            raise ValueError(
                f"max_queue_tokens ({self.max_queue_tokens}) is under"
                f" max_batch_tokens ({self.max_batch_tokens}): no batch could ever fill"
            )
        return self

    @property
    def model_name(self) -> str:
        """The name the encoder is served under."""
        return self.served_model_name or _folder_name(self.model)

    def find_pair_model(self) -> Path | None:
        """Return the pair model's folder, or None where there is none to serve.

        Raises:
            StartupError: A folder was named and does not exist; the default one may be absent.
        """
        if self.pair_model is None or self.pair_model.is_dir():
            return self.pair_model
        if "pair_model" in self.model_fields_set:
            raise StartupError(f"pair_model {self.pair_model} is not a folder")
        return None


@lru_cache(maxsize=8)
def _folder_name(folder: Path) -> str:
    """Return what a folder is called, without asking the disk for each response.

    Not kept in the settings: `model_copy` would hand it on to those with another folder.
    """
    return folder.resolve().name


def read_settings(arguments: Sequence[str]) -> Settings:
    """Build the settings from command-line arguments and the environment.

    Raises:
        StartupError: A value is wrong, or two do not go together.
    """
    try:
        return CliApp.run(Settings, cli_args=list(arguments))
    except ValidationError as error:
        raise StartupError("; ".join(_sentences(error))) from error


def _sentences(error: ValidationError) -> list[str]:
    """One clause per fault: the setting's name where there is one, and what is wrong with it."""
    return [
        ": ".join([*map(str, fault["loc"]), fault["msg"].removeprefix("Value error, ")])
        for fault in error.errors(include_url=False)
    ]

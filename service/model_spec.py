"""What a model folder says, in one object for each kind of model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from service.errors import StartupError
from service.pooling import Pooling
from service.quantization import CalibrationRanges
from service.vectors import TwoPart


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """What any model folder says.

    Attributes:
        folder: Where the model lies.
        name: What it is called in the API and in metrics.
        model_type: The architecture's name in transformers; empty where the folder does not say.
        max_input_tokens: Tokens of the longest text, special tokens included.
        pad_token_id: The id that fills up a batch.
    """

    folder: Path
    name: str
    model_type: str
    max_input_tokens: int
    pad_token_id: int

    @property
    def tokenizer(self) -> Path:
        """The tokenizer's file."""
        return self.folder / "tokenizer.json"

    @property
    def size(self) -> int:
        """Bytes of the folder's files."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def find_graph(self, *, half_precision: bool) -> Path:
        """Return the ONNX graph; a half precision one first, if that is wanted and there.

        Raises:
            StartupError: There is no graph.
        """
        names = ["model_fp16.onnx"] * half_precision + ["model.onnx"]
        candidates = [place / name for name in names for place in (Path("onnx"), Path())]
        for candidate in candidates:
            if (self.folder / candidate).is_file():
                return self.folder / candidate
        raise StartupError(f"{self.folder} has no ONNX graph ({', '.join(map(str, candidates))})")


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSpec(ModelSpec):
    """What an encoder's folder says.

    Attributes:
        pooling: How token vectors become one; None where the graph does it.
        prompts: Texts that may be put before an input, by name.
        default_prompt_name: The prompt of a request that names none.
        two_part: The parts of the vector, for a two-part model.
        calibration: What each dimension holds; None where the folder does not say.
    """

    pooling: Pooling | None
    prompts: Mapping[str, str]
    default_prompt_name: str | None
    two_part: TwoPart | None
    calibration: CalibrationRanges | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSpec(ModelSpec):
    """What a pair discriminator's folder says.

    Attributes:
        labels: The relations, in the order of the logits.
        abstention_threshold: Probability under which no relation is named.
        similarity_scale: What an encoder's cosine is multiplied by before the relevance is added
            to it; at 0 the relevance does without.
    """

    labels: tuple[str, ...]
    abstention_threshold: float
    similarity_scale: float

"""Models of a few hundred numbers in the real folder layouts, built in milliseconds.

Their graphs do in small what an encoder does: every token's vector depends on all tokens that are
not padding, and on their order. So mixing up rows, lengths or masks shows in the vectors.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import WordPiece
from tokenizers.processors import TemplateProcessing

MAX_TOKENS = 32
HIDDEN = 8
GENERAL, POLARITY, WEIGHT = 6, 4, 0.4
EXCLUSION_WEIGHT = 0.9
THRESHOLD = 0.3
PROMPTS = {"query": "find : ", "passage": "text : "}
RELATIONS = ["equivalence", "contradiction", "hedge", "neutral"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
WORDS = ["the", "a", "an", "of", "in", "to", "and", "is", "was", "does", "did", "not", "no"]
WORDS += ["never", "may", "might", "without", "drug", "trial", "patient", "patients", "works"]
WORDS += ["work", "##s", "##ed", "##ing", "lower", "raise", "mortality", "pool", "hotel", "good"]
WORDS += ["bad", "find", "text", ":", ".", ","]
MODULES = "sentence_transformers.models"


def build_encoder(folder: Path) -> Path:
    """An ordinary encoder: token vectors out, mean pooling, prompts."""
    _write_common(folder, "BertModel")
    graph = _Graph("encoder")
    graph.node("Identity", ["hidden"], "last_hidden_state")
    graph.save(folder / "onnx" / "model.onnx", "last_hidden_state", ["batch", "tokens", HIDDEN])
    _write(folder / "modules.json", _modules("Transformer", "Pooling", "Normalize"))
    flags = {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}
    _write(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": HIDDEN, **flags})
    _write(folder / "config_sentence_transformers.json", {"prompts": PROMPTS})
    return folder


def build_two_part_encoder(folder: Path, *, gated: bool = False) -> Path:
    """A two-part encoder: whole vectors out, at the folder's weight or, gated, each at its own."""
    _write_common(folder, "BertModel")
    graph = _Graph("two parts")
    for seed, (name, width) in enumerate((("general", GENERAL), ("polarity", POLARITY))):
        head = graph.constant(f"{name}_head", _random((HIDDEN, width), seed=10 + seed))
        graph.node("MatMul", ["pooled", head], f"{name}_raw")
        axes = graph.constant(f"{name}_axes", np.array([1]))
        graph.node("ReduceL2", [f"{name}_raw", axes], f"{name}_length", keepdims=1)
        graph.node("Div", [f"{name}_raw", f"{name}_length"], f"{name}_unit")
    one, weight = graph.number("one", 1), graph.number("negation_weight", WEIGHT)
    if gated:
        gate = graph.constant("gate", 4 * _random((POLARITY, 1), seed=40))
        graph.node("MatMul", ["polarity_unit", gate], "logit")
        graph.node("Sigmoid", ["logit"], "opened")
        way = graph.number("way", EXCLUSION_WEIGHT - WEIGHT)
        graph.node("Mul", ["opened", way], "gained")
        graph.node("Add", [weight, "gained"], "own_weight")
        weight = "own_weight"
    graph.node("Sub", [one, weight], "general_share")
    graph.node("Identity", [weight], "polarity_share")
    for name in ("general", "polarity"):
        graph.node("Sqrt", [f"{name}_share"], f"{name}_scale")
        graph.node("Mul", [f"{name}_unit", f"{name}_scale"], name)
    graph.node("Concat", ["general", "polarity"], "sentence_embedding", axis=1)
    graph.save(folder / "model.onnx", "sentence_embedding", ["batch", GENERAL + POLARITY])
    _write(
        folder / "modules.json", [{"idx": 0, "name": "0", "path": "", "type": "x.TwoPartEncoder"}]
    )
    config = {"general_dimensions": GENERAL, "polarity_dimensions": POLARITY}
    weights = {"negation_weight": WEIGHT} | (
        {"exclusion_weight": EXCLUSION_WEIGHT} if gated else {}
    )
    _write(folder / "two_part_config.json", config | weights)
    return folder


def calibration_of(vectors: np.ndarray) -> dict[str, object]:
    """What a model folder's `calibration_ranges.json` says of vectors like these."""
    return {
        "minima": vectors.min(axis=0).tolist(),
        "maxima": vectors.max(axis=0).tolist(),
        "mean_squares": (vectors**2).mean(axis=0).tolist(),
    }


def build_pair(folder: Path) -> Path:
    """A pair discriminator: four logits out, which depend on the order of the pair."""
    _write_common(
        folder,
        "BertForSequenceClassification",
        id2label={str(number): name for number, name in enumerate(RELATIONS)},
        litotes={"abstention_threshold": THRESHOLD, "max_length": MAX_TOKENS},
    )
    graph = _Graph("pair")
    head = graph.constant("head", 4 * _random((HIDDEN, len(RELATIONS)), seed=20))
    graph.node("MatMul", ["pooled", head], "logits")
    graph.save(folder / "model.onnx", "logits", ["batch", len(RELATIONS)])
    return folder


def build_tokenizer() -> Tokenizer:
    """A WordPiece tokenizer of a few dozen words, with settings stored that must be ignored."""
    vocabulary = {word: number for number, word in enumerate([*SPECIAL, *WORDS])}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, vocabulary[name]) for name in ("[CLS]", "[SEP]")],
    )
    tokenizer.enable_truncation(max_length=5)
    tokenizer.enable_padding(length=7)
    return tokenizer


class _Graph:
    """Nodes from token ids to `hidden` (batch, tokens, hidden) and `pooled` (batch, hidden)."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        words = self.constant("words", _random((len(SPECIAL) + len(WORDS), HIDDEN), seed=0))
        types = self.constant("types", _random((2, HIDDEN), seed=1))
        places = self.constant("places", _random((MAX_TOKENS + 1, HIDDEN), seed=2))
        mixing = self.constant("mixing", _random((HIDDEN, HIDDEN), seed=3))
        axis = self.constant("axis", np.array(1))
        tokens, last = self.constant("tokens", np.array([1])), self.constant("last", np.array([2]))
        self.node("CumSum", ["attention_mask", axis], "position")
        self.node("Gather", [words, "input_ids"], "word")
        self.node("Gather", [types, "token_type_ids"], "type")
        self.node("Gather", [places, "position"], "place")
        self.node("Sum", ["word", "type", "place"], "embedding")
        # Not linear, or the order of the words would be lost in the mean.
        self.node("Mul", ["word", "place"], "product")
        self.node("Cast", ["attention_mask"], "mask", to=TensorProto.FLOAT)
        self.node("Unsqueeze", ["mask", last], "weights")
        self.node("ReduceSum", ["weights", tokens], "count", keepdims=1)
        self._mean("product", tokens, "context", keepdims=1)
        self.node("MatMul", ["context", mixing], "mixed")
        self.node("Add", ["embedding", "mixed"], "sum")
        self.node("Tanh", ["sum"], "hidden")
        self._mean("hidden", tokens, "mean", keepdims=1)
        self.node("Squeeze", ["mean", tokens], "pooled")

    def constant(self, name: str, values: np.ndarray) -> str:
        self._constants.append(numpy_helper.from_array(values, name))
        return name

    def number(self, name: str, value: float) -> str:
        return self.constant(name, np.array(value, dtype=np.float32))

    def node(self, kind: str, inputs: list[str], output: str, **attributes: object) -> None:
        self._nodes.append(helper.make_node(kind, inputs, [output], **attributes))

    def save(self, path: Path, output: str, shape: list[str | int]) -> None:
        names = ("input_ids", "attention_mask", "token_type_ids")
        graph = helper.make_graph(
            self._nodes,
            self._name,
            [
                helper.make_tensor_value_info(n, TensorProto.INT64, ["batch", "tokens"])
                for n in names
            ],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
            self._constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        onnx.checker.check_model(model)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(model.SerializeToString())

    def _mean(self, source: str, axes: str, output: str, *, keepdims: int) -> None:
        self.node("Mul", [source, "weights"], f"{output}_masked")
        self.node("ReduceSum", [f"{output}_masked", axes], f"{output}_sum", keepdims=keepdims)
        self.node("Div", [f"{output}_sum", "count"], output)


def _random(shape: tuple[int, ...], *, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def _write_common(folder: Path, architecture: str, **more: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    positions = {"max_position_embeddings": MAX_TOKENS, "hidden_size": HIDDEN, "pad_token_id": 0}
    config = {"model_type": "bert", "architectures": [architecture], **positions, **more}
    _write(folder / "config.json", config)
    _write(folder / "sentence_bert_config.json", {"max_seq_length": MAX_TOKENS})
    build_tokenizer().save(str(folder / "tokenizer.json"))


def _modules(*names: str) -> list[dict[str, object]]:
    return [
        {
            "idx": number,
            "name": str(number),
            "path": f"{number}_{name}" if number else "",
            "type": f"{MODULES}.{name}",
        }
        for number, name in enumerate(names)
    ]


def _write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))

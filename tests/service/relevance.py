"""A tiny pair model that also tells how relevant a passage is, and what it should say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tiny_models import HIDDEN, MAX_TOKENS, RELATIONS, build_pair, build_tokenizer

SPECIAL_TOKENS = 3
ROOM = MAX_TOKENS - SPECIAL_TOKENS


def build_reranking_pair(folder: Path, *, shape: Sequence[str | int] = ("batch", 1)) -> Path:
    """The tiny pair model with its second output, of one axis or of two."""
    build_pair(folder)
    path = folder / "model.onnx"
    model = onnx.load(str(path))
    columns = shape[1] if len(shape) == 2 else 1
    head = 6 * np.random.default_rng(30).standard_normal((HIDDEN, columns)).astype(np.float32)
    model.graph.initializer.append(numpy_helper.from_array(head, "relevance_head"))
    matrix = "relevance" if len(shape) == 2 else "relevance_matrix"
    model.graph.node.append(helper.make_node("MatMul", ["pooled", "relevance_head"], [matrix]))
    if len(shape) == 1:
        model.graph.initializer.append(numpy_helper.from_array(np.array([1]), "relevance_axis"))
        nodes = [matrix, "relevance_axis"]
        model.graph.node.append(helper.make_node("Squeeze", nodes, ["relevance"]))
    output = helper.make_tensor_value_info("relevance", TensorProto.FLOAT, list(shape))
    model.graph.output.append(output)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return folder


class Oracle:
    """Scores one window at a time, straight from the graph and without the service's code."""

    def __init__(self, folder: Path) -> None:
        self._session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
        self._tokenizer = build_tokenizer()
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def tokens(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def score(self, query: Sequence[int], window: Sequence[int]) -> float:
        """The logit of `[CLS] query [SEP] window [SEP]`."""
        return float(self.run("relevance", query, window)[0])

    def agreement(self, query: str, passage: str) -> float:
        """Log odds of equivalence against contradiction, of a passage that fits into a window."""
        logits = self.run("logits", self.tokens(query), self.tokens(passage))
        equivalence, contradiction = map(RELATIONS.index, ("equivalence", "contradiction"))
        return float(logits[equivalence] - logits[contradiction])

    def run(self, output: str, query: Sequence[int], window: Sequence[int]) -> NDArray[np.float32]:
        """One output of `[CLS] query [SEP] window [SEP]`."""
        first, separator = (self._tokenizer.token_to_id(name) for name in ("[CLS]", "[SEP]"))
        ids = [first, *query, separator, *window, separator]
        types = [0] * (len(query) + 2) + [1] * (len(window) + 1)
        feeds = {"input_ids": ids, "token_type_ids": types, "attention_mask": [1] * len(ids)}
        arrays = {name: np.array([values], dtype=np.int64) for name, values in feeds.items()}
        (found,) = self._session.run([output], arrays)
        row: NDArray[np.float32] = found.reshape(-1)
        return row

    def best(self, query: str, passage: str) -> float:
        """The logit of a passage's best window beside a query that is short enough."""
        asked, tokens = self.tokens(query), self.tokens(passage)
        width = ROOM - len(asked)
        starts = list(range(0, max(1, len(tokens) - width), width - width // 4))
        starts += [len(tokens) - width] * (len(tokens) > width)
        return max(self.score(asked, tokens[start : start + width]) for start in starts)

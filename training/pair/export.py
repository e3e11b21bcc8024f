"""Export a trained discriminator: `python -m training.pair.export experiment.toml`.

Calibrates `best/` on half of the dev groups, writes the folder that the service serves and that
sentence-transformers loads, and fails if parity does not hold. Where the run learnt no relevance,
the folder has the four relations alone.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from optimum.exporters.onnx import export as optimum_export
from optimum.exporters.tasks import TasksManager
from transformers import AutoTokenizer, PreTrainedModel

from training import storage
from training.export import install
from training.pair import evaluation
from training.pair.config import PairConfig, read_pair_experiment
from training.pair.model import read_classifier
from training.pair.relations import OUTPUTS, RELATIONS, RELEVANCE
from training.pair.scaling import Scaling, fit_scaling
from training.parity import check_discriminator
from training.run import best_checkpoint, history, run_stage, write_json
from training.serving import ServedDiscriminator
from training.tracing import OPSET

# The graph's output of relations, and all outputs as the model itself gives them.
LOGITS = "logits"
WHOLE = "outputs"


def main(config: PairConfig) -> Path:
    """Calibrate, export, check parity, and return the model folder."""
    checkpoint = best_checkpoint(config.folder)
    with tempfile.TemporaryDirectory() as name:
        staged = Path(name) / config.output.name
        staged.mkdir()
        write_folder(checkpoint, staged, scaling=Scaling(), config=config)
        texts, relations = evaluation.dev_arrays("calibration")
        logits = evaluation.both_orders(ServedDiscriminator(staged))(texts)
        scaling = fit_scaling(logits, relations)
        calibration = calibrate(logits, relations, scaling, config.precision)
        write_folder(checkpoint, staged, scaling=scaling, config=config)
        amend_config(staged, config, calibration["abstention"]["threshold"])
        write_json(staged / "calibration.json", calibration)
        parity = check_discriminator(
            staged,
            reference=checkpoint,
            scaling=scaling,
            relevance=(config.relevance_weight, config.relevance_offset),
        )
        write_json(staged / "parity.json", parity)
        write_json(staged / "training.json", history(config.folder))
        install(staged, config.output)
    return config.output


def write_folder(checkpoint: Path, folder: Path, *, scaling: Scaling, config: PairConfig) -> None:
    """Write weights, graph, tokenizer and configuration, the scaling folded into the head."""
    model = load(checkpoint, relevance=learnt_relevance(config))
    fold(scaling, model)
    weigh_relevance(model, config)
    with tempfile.TemporaryDirectory() as name:
        plain = Path(name)
        storage.write_half(model.state_dict(), folder)
        half = storage.read_half(folder)
        model.load_state_dict(half)
        model.save_pretrained(plain)
        AutoTokenizer.from_pretrained(checkpoint).save_pretrained(plain)
        graph = trace(model)
        # The code of a head on the tokens lies beside its weights.
        for file in ("config.json", "tokenizer.json", "tokenizer_config.json", *code_of(plain)):
            shutil.copy(plain / file, folder / file)
    if model.num_labels == len(OUTPUTS):
        split_outputs(graph)
    storage.save_graph(storage.point_into_weights(graph, folder), folder)
    # Read by sentence-transformers and by the service; the threshold is not known yet.
    amend_config(folder, config, abstention_threshold=0.0)


def learnt_relevance(config: PairConfig) -> bool:
    """Whether the run, or one that it went on from, saw rankings: else that output says nothing."""
    return any(entry["config"].get("relevance") for entry in history(config.folder))


def load(checkpoint: Path, *, relevance: bool) -> PreTrainedModel:
    """Load a checkpoint, without the relevance output where that was not learnt.

    Raises:
        ValueError: The checkpoint has other outputs than ours, or lacks the one that was learnt.
    """
    model = read_classifier(checkpoint)
    found = tuple(model.config.id2label[number] for number in range(model.num_labels))
    wanted = OUTPUTS if relevance else RELATIONS
    if found not in (wanted, OUTPUTS):
        raise ValueError(
            f"{checkpoint} has the outputs {', '.join(found)} and not {', '.join(wanted)}:"
            " train again"
        )
    if found != wanted:
        head = model.classifier
        model.classifier = torch.nn.Linear(head.in_features, len(wanted))
        with torch.no_grad():
            model.classifier.weight.copy_(head.weight[: len(wanted)])
            model.classifier.bias.copy_(head.bias[: len(wanted)])
        model.num_labels = len(wanted)
        model.config.id2label = dict(enumerate(wanted))
        model.config.label2id = {name: index for index, name in enumerate(wanted)}
    return model


def fold(scaling: Scaling, model: PreTrainedModel) -> None:
    """Scale the relations' logits by changing the head; the relevance stays as it is."""
    count = len(RELATIONS)
    with torch.no_grad():
        for parameter in model.classifier.parameters():
            parameter[:count].div_(scaling.temperature)
        model.classifier.bias[:count].add_(torch.tensor(scaling.biases))


def weigh_relevance(model: PreTrainedModel, config: PairConfig) -> None:
    """Multiply the relevance and take the offset from it, by changing the head."""
    count = len(RELATIONS)
    with torch.no_grad():
        model.classifier.weight[count:].mul_(config.relevance_weight)
        model.classifier.bias[count:].mul_(config.relevance_weight).sub_(config.relevance_offset)


def split_outputs(graph: onnx.ModelProto) -> None:
    """Give the graph an output of relations and one of relevance, in place of one for all."""
    for node in graph.graph.node:
        node.output[:] = [WHOLE if name == LOGITS else name for name in node.output]
    batch = graph.graph.output[0].type.tensor_type.shape.dim[0].dim_param
    bounds = {LOGITS: (0, len(RELATIONS)), RELEVANCE: (len(RELATIONS), len(OUTPUTS))}
    del graph.graph.output[:]
    for name, (first, last) in bounds.items():
        parts = {"first": first, "last": last, "axis": 1}
        constants = [
            numpy_helper.from_array(np.array([number]), f"{name}_{part}")
            for part, number in parts.items()
        ]
        graph.graph.initializer.extend(constants)
        inputs = [WHOLE, *(constant.name for constant in constants)]
        graph.graph.node.append(helper.make_node("Slice", inputs, [name], name=f"{name}_slice"))
        shape = [batch, last - first]
        output = helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        graph.graph.output.append(output)
    onnx.checker.check_model(graph)


def code_of(folder: Path) -> list[str]:
    """Names of the Python files of a folder, which only a model with code of its own has."""
    return [path.name for path in folder.glob("*.py")]


def trace(model: PreTrainedModel) -> onnx.ModelProto:
    """Export with Optimum, the weights unfolded and under their torch names."""
    task = "text-classification"
    describe = TasksManager.get_exporter_config_constructor(
        "onnx",
        library_name="transformers",
        task=task,
        model_type=getattr(model.config, "export_model_type", model.config.model_type),
    )
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / storage.GRAPH
        optimum_export(model, describe(model.config), path, opset=OPSET, do_constant_folding=False)
        return onnx.load(path)


def amend_config(folder: Path, config: PairConfig, abstention_threshold: float) -> None:
    """Put what only the service needs into the folder's `config.json`."""
    path = folder / "config.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["litotes"] = {
        "abstention_threshold": abstention_threshold,
        "max_length": config.max_length,
        "similarity_scale": config.similarity_scale,
    }
    write_json(path, content)


def calibrate(
    logits: NDArray[np.float32],
    relations: NDArray[np.int64],
    scaling: Scaling,
    precision: float,
) -> dict[str, Any]:
    """Describe the calibration, on its own rows: before, after, and the abstention it allows."""
    scaled = scaling.apply(logits)
    return {
        "temperature": scaling.temperature,
        "biases": dict(zip(RELATIONS, scaling.biases, strict=True)),
        "before": evaluation.relation_figures(logits, relations),
        "after": evaluation.relation_figures(scaled, relations),
        "ece_before": evaluation.expected_calibration_error(logits, relations),
        "ece_after": evaluation.expected_calibration_error(scaled, relations),
        "abstention": evaluation.abstention_threshold(scaled, relations, precision),
    }


if __name__ == "__main__":
    run_stage(
        "training.pair.export",
        "Calibrate and export a trained discriminator, and check its parity.",
        lambda path: print(main(read_pair_experiment(path))),
    )

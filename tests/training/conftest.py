"""A tiny BERT, a few public rows of our own, and one tiny run that many tests look at."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from chat_server import ChatServer, chat_server
from dev_rows import write_dev_rows
from distillations import KEY, VARIABLE
from sentence_transformers import SentenceTransformer
from serving import serving
from transformers import BertConfig, BertModel, BertTokenizerFast

from service.settings import Settings
from training import corpus, export, train
from training.config import ExperimentConfig, Kind, ModelConfig, TrainingConfig
from training.evaluation import comparison
from training.pair import train as pair_train
from training.pair.config import PairConfig
from training.two_part import TwoPartEncoder

HIDDEN = 32
LAYERS = 3
POSITIONS = 64
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = (
    *("the", "a", "of", "in", "to", "and", "is", "was", "has", "be", "for", "on", "it", "that"),
    *("with", "by", "at", "all", "no", "not", "never", "none", "without", "few", "may", "only"),
    *("pump", "door", "valve", "lamp", "train", "boat", "open", "closed", "leaks", "runs"),
    *("late", "early", "red", "night", "##s", "##ed", "##ing", ".", ",", "?", "'"),
)

SUBJECTS = ("pump", "door", "valve", "lamp", "train", "boat")
PAIRS = [(f"The {subject} is open.", f"The {subject} is not closed.") for subject in SUBJECTS]
DENIALS = [(f"The {subject} is open.", f"The {subject} is closed.") for subject in SUBJECTS]

# Claims and views that are alike by their number alone, a word of few texts.
CLAIMS = {
    f"The lamp {number} is to be open at night.": (
        f"No train is late with lamp {number}.",
        f"The boat never runs without lamp {number}.",
    )
    for number in range(10, 40)
}

# What libraries warn of in their own code, and why no setting of ours avoids it.
THIRD_PARTY_WARNINGS = (
    # A tiny run writes its checkpoints within a second, which the trainer takes for a sign of a
    # file system without times.
    "ignore:mtime may not be reliable:UserWarning:transformers.trainer",
    # Optimum exports with torch's TorchScript exporter, which torch has deprecated as a whole.
    "ignore:You are using the legacy TorchScript-based ONNX export:DeprecationWarning",
    "ignore:The feature will be removed:DeprecationWarning:torch.onnx",
    # transformers makes the attention mask's constants while Optimum traces it.
    "ignore:torch.tensor results are registered as constants:torch.jit.TracerWarning",
)


def labelled(pairs: list[tuple[str, str]], label: str) -> list[dict[str, Any]]:
    return [{"a": first, "b": second, "label": label} for first, second in pairs]


def public_sets() -> dict[str, list[dict[str, Any]]]:
    """Rows in the format of the public sets, by the name that `training.public` loads."""
    graded = [
        {"a": first, "b": second, "score": score}
        for (first, second), score in zip(PAIRS, (0.0, 0.2, 0.4, 0.6, 0.8, 1.0), strict=True)
    ]
    passages = [
        {"id": f"p{number}", "text": f"The {subject} runs at night and never leaks."}
        for number, subject in enumerate(SUBJECTS)
    ]
    questions = [
        {"id": f"q{number}", "text": f"Is the {subject} late?"}
        for number, subject in enumerate(SUBJECTS)
    ]
    polar = labelled(PAIRS, "same") + labelled(DENIALS, "negated")
    stances = [
        {"a": claim, "b": view, "label": label}
        for claim, views in CLAIMS.items()
        for view, label in zip(views, ("support", "undermine"), strict=True)
    ]
    triplets = [
        {"anchor": anchor, "positive": positive, "negative": negative}
        for (anchor, positive), (_, negative) in zip(PAIRS, DENIALS, strict=True)
    ]
    answered = [
        {"query": question["text"], "positive_doc_id": passage["id"]}
        for question, passage in zip(questions, passages, strict=True)
    ]
    return {
        "cannot/train": polar,
        "cannot/dev": polar,
        "mnli_sample/train": labelled(PAIRS, "entailment")
        + labelled(DENIALS, "contradiction")
        + labelled(PAIRS[::-1], "neutral"),
        "condaqa/dev_passage_pairs": [
            *polar,
            *labelled(PAIRS[:1], "scope"),
            # One for which the corpus has queries.
            *(row | {"id": "condaqa-507-3"} for row in labelled(PAIRS[1:2], "scope")),
        ],
        "nli_triplets/train": triplets,
        "perspectrum/train_claim_stance": stances,
        "perspectrum/dev_claim_stance": stances[:12],
        "stsb/train": graded,
        "stsb/dev": graded,
        "medquad/corpus": passages,
        "medquad/queries_dev": questions,
        "medquad/train_pairs": answered,
    }


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            for warning in THIRD_PARTY_WARNINGS:
                item.add_marker(pytest.mark.filterwarnings(warning))


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def public_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the public sets: ours, and no hub."""
    folder = tmp_path_factory.mktemp("public")
    for name, rows in public_sets().items():
        path = folder / f"{name}.jsonl.gz"
        path.parent.mkdir(exist_ok=True)
        with gzip.open(path, "wt", encoding="utf-8") as lines:
            lines.writelines(json.dumps(row) + "\n" for row in rows)
    answers = "".join(f"q{number}\tp{number}\t1\n" for number in range(len(SUBJECTS)))
    (folder / "medquad/qrels_dev.tsv").write_text(f"query-id\tcorpus-id\tscore\n{answers}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LITOTES_DATA", str(folder))
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield folder


@pytest.fixture
def no_public_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has only the repository."""
    monkeypatch.setenv("LITOTES_DATA", str(tmp_path / "nothing"))


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT encoder with random weights, as transformers stores one."""
    folder = tmp_path_factory.mktemp("base")
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join((*SPECIAL, *WORDS)) + "\n", encoding="utf-8")
    tokenizer = BertTokenizerFast(vocab_file=str(vocabulary), model_max_length=POSITIONS)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=2,
        intermediate_size=2 * HIDDEN,
        max_position_embeddings=POSITIONS,
        # Wider than BERT's own, so that random layers tell texts apart.
        initializer_range=0.2,
    )
    BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture
def encoder(tiny_base: Path) -> TwoPartEncoder:
    """A two-part encoder fresh from its base, in evaluation mode."""
    module = TwoPartEncoder.from_base(
        str(tiny_base),
        shared_layers=1,
        polarity_dimensions=HIDDEN,
        negation_weight=0.3,
        max_seq_length=POSITIONS,
    )
    module.eval()
    return module


@pytest.fixture
def model(encoder: TwoPartEncoder) -> SentenceTransformer:
    return SentenceTransformer(modules=[encoder], device="cpu")


@pytest.fixture(scope="session")
def experiment(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> ExperimentConfig:
    """An experiment of one step for every kind of row."""
    kinds = {
        "groups": 2,
        "contrasts": 2,
        "exclusions": 2,
        "polarity": 6,
        "inference": 6,
        "edits": 4,
        "graded": 4,
        "questions": 3,
        "general": 3,
        "triplets": 3,
    }
    folder = tmp_path_factory.mktemp("experiment")
    return ExperimentConfig(
        name="tiny",
        seed=3,
        runs=folder / "runs",
        output=folder / "model",
        model=ModelConfig(
            base=str(tiny_base),
            shared_layers=1,
            polarity_dimensions=16,
            negation_weight=0.5,
            max_seq_length=24,
        ),
        training=TrainingConfig(
            steps=len(kinds),
            learning_rate=0.01,
            warmup_steps=1,
            weight_decay=0.01,
            temperature=0.05,
            margin_scale=0.02,
            distillation=1.0,
            evaluate_every=len(kinds) // 2,
            floors={
                "stsb_spearman": -0.05,
                "medquad_ndcg10": -0.05,
                "perspectives_ndcg10": -0.05,
            },
            kinds={name: Kind(share=1 / len(kinds), rows=rows) for name, rows in kinds.items()},
        ),
    )


@pytest.fixture(scope="session")
def best(experiment: ExperimentConfig) -> Path:
    """The checkpoint that a real run of the experiment chose."""
    return train.main(experiment)


@pytest.fixture(scope="session")
def exported(best: Path, experiment: ExperimentConfig) -> Path:
    """The model folder of that checkpoint; its parity was checked."""
    return export.main(experiment)


@pytest.fixture(scope="session")
def pair_experiment(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> PairConfig:
    folder = tmp_path_factory.mktemp("pair")
    return PairConfig(
        name="tiny-pair",
        seed=3,
        runs=folder / "runs",
        output=folder / "model-pair",
        base=str(tiny_base),
        max_length=40,
        steps=4,
        rows=8,
        shares={"groups": 0.5, "inference": 0.25, "roles": 0.25},
        learning_rate=0.001,
        warmup_steps=1,
        weight_decay=0.01,
        evaluate_every=2,
        precision=0.3,
    )


@pytest.fixture(scope="session")
def judge(pair_experiment: PairConfig) -> Path:
    """The checkpoint that a real run of the experiment chose."""
    return pair_train.main(pair_experiment)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    """A chat endpoint on loopback, and a key for it in the environment."""
    monkeypatch.setenv(VARIABLE, KEY)
    with chat_server() as chat:
        yield chat


@pytest.fixture
def small_evaluation(tmp_path: Path, encoder_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few dev rows, a tiny base, and a folder to run in."""
    write_dev_rows(tmp_path)
    monkeypatch.setattr(corpus, "DATA", tmp_path)
    monkeypatch.setattr(comparison, "BASE", str(encoder_folder))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def two_part_service(two_part_folder: Path) -> Iterator[str]:
    """The two-part model behind HTTP."""
    settings = Settings(
        model=two_part_folder, pair_model=None, device="cpu", intra_op_num_threads=1
    )
    with serving(settings) as url:
        yield url

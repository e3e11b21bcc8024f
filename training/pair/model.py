"""The cross-encoder that a run starts from."""

from __future__ import annotations

from pathlib import Path

from sentence_transformers import CrossEncoder
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    BertForSequenceClassification,
    PreTrainedModel,
)

from training import base
from training.fusion import average
from training.pair.config import PairConfig
from training.pair.heads import PairHeadConfig, PairHeadForSequenceClassification
from training.pair.polarity_start import as_bert
from training.pair.relations import OUTPUTS

# The head that transformers itself gives a sequence classifier.
FIRST_TOKEN = "cls"

# Here and not where they are defined: the copies of that file in model folders register nothing,
# since the folders say themselves where the code is.
AutoConfig.register(PairHeadConfig.model_type, PairHeadConfig)
AutoModelForSequenceClassification.register(PairHeadConfig, PairHeadForSequenceClassification)
PairHeadConfig.register_for_auto_class()
PairHeadForSequenceClassification.register_for_auto_class("AutoModelForSequenceClassification")


def build_model(config: PairConfig) -> CrossEncoder:
    """Start the cross-encoder from an encoder, with a new head, or from the mean of earlier runs.

    The embeddings, half of the weights, stay as they are: they would be learnt from few words.

    Raises:
        ValueError: A checkpoint has another head than the configuration says, or another shape than
            the others.
    """
    model = average([load(start, config) for start in config.start or [base.folder(config.base)]])
    model.model.base_model.embeddings.requires_grad_(False)
    model.model.config.id2label = dict(enumerate(OUTPUTS))
    model.model.config.label2id = {name: index for index, name in enumerate(OUTPUTS)}
    return model


def load(folder: str, config: PairConfig) -> CrossEncoder:
    """Read an encoder or a checkpoint; a head on the tokens starts anew where it has none yet.

    Of a two-part encoder it is the polarity part.

    No dropout in the attention, or a processor cannot run it in one fused step.

    Raises:
        ValueError: The checkpoint has another head, or the encoder is no BERT, which a head on the
            tokens needs; the message names the folder.
    """
    with as_bert(folder) as bert:
        model = CrossEncoder(
            bert,
            num_labels=len(OUTPUTS),
            max_length=config.max_length,
            config_kwargs={"attention_probs_dropout_prob": 0.0},
        )
    found = getattr(model.model.config, "head", FIRST_TOKEN)
    if found == config.head:
        return model
    if found != FIRST_TOKEN:
        raise ValueError(f"{folder} has the head {found!r}, not {config.head!r}")
    if not isinstance(model.model, BertForSequenceClassification):
        raise ValueError(f"{folder} is no BERT, which head = {config.head!r} needs")
    model[0].model = PairHeadForSequenceClassification.from_body(model.model, config.head)
    return model


def read_classifier(folder: Path) -> PreTrainedModel:
    """Read a checkpoint as transformers has it, with whichever head."""
    return AutoModelForSequenceClassification.from_pretrained(folder)

"""A two-part encoder's polarity part as the BERT that a pair model starts from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from transformers import BertModel

from training.two_part import TwoPartEncoder


@contextmanager
def as_bert(folder: str) -> Iterator[str]:
    """Give a folder that transformers can read a BERT from.

    Its layers have learnt what a negation belongs to, each text by itself; a cross-encoder that
    starts from them has to learn to compare two texts, and not to read both anew.

    Args:
        folder: Any model's; of a two-part encoder the polarity part is written to a folder that
            lasts as long as the block, of another it is the folder itself.
    """
    if not (Path(folder) / TwoPartEncoder.config_file_name).is_file():
        yield folder
        return
    encoder = TwoPartEncoder.load(folder)
    bert = BertModel(encoder.bert)
    bert.embeddings.load_state_dict(encoder.embeddings.state_dict())
    for layer, trained in zip(
        bert.encoder.layer, (*encoder.shared, *encoder.polarity), strict=True
    ):
        layer.load_state_dict(trained.state_dict())
    with TemporaryDirectory() as temporary:
        bert.save_pretrained(temporary)
        encoder.tokenizer.save_pretrained(temporary)
        yield temporary

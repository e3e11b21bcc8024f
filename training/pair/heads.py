"""A cross-encoder whose outputs are read from the tokens of both texts, not from the first alone.

Knows nothing of the rest of the project: the file is copied into every model folder that has such a
head, so that `CrossEncoder(folder, trust_remote_code=True)` loads the folder anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel, BertPreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

# States of the tokens, (batch, tokens, hidden), and which belong to the first text and to the
# second, (batch, tokens, 1), to (batch, 4 * hidden).
Features = Callable[[Tensor, Tensor, Tensor], Tensor]


class PairHeadConfig(BertConfig):
    """Configuration of a BERT body with a head on the tokens of both texts.

    Args:
        head: One of `HEADS`.
    """

    model_type = "bert-pair-head"
    # Optimum knows the inputs and outputs of the graph by this name.
    export_model_type = "bert"

    def __init__(self, head: str = "segments", **settings: Any) -> None:
        super().__init__(**settings)
        self.head = head


class PairHeadForSequenceClassification(BertPreTrainedModel):
    """BERT, and one linear layer over the pooled first token and `HEADS`' features of both texts.

    Args:
        config: Names the head.

    Raises:
        ValueError: There is no such head.
    """

    config_class = PairHeadConfig

    def __init__(self, config: PairHeadConfig) -> None:
        super().__init__(config)
        if config.head not in HEADS:
            raise ValueError(f"head {config.head!r} is none of {', '.join(HEADS)}")
        self.num_labels: int = config.num_labels
        self.bert = BertModel(config)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.classifier = nn.Linear(5 * config.hidden_size, config.num_labels)
        self.post_init()

    @classmethod
    def from_body(cls, model: Any, head: str) -> PairHeadForSequenceClassification:
        """Give the body of a BERT classifier a new head; its outputs keep their names.

        Args:
            model: A `BertForSequenceClassification`, whose body becomes this model's.
            head: One of `HEADS`.
        """
        settings = model.config.to_dict()
        settings.pop("model_type")
        made = cls(PairHeadConfig(head=head, **settings))
        made.bert = model.bert
        return made

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor,
        return_dict: bool | None = None,
    ) -> SequenceClassifierOutput:
        """Run pairs; `logits` are (batch, outputs).

        Args:
            input_ids: (batch, tokens).
            attention_mask: (batch, tokens), 0 for padding.
            token_type_ids: (batch, tokens), 1 for the second text and the separator behind it; the
                first one's tokens include the classification token and the separator.
            return_dict: As transformers passes it; the answer is the same.
        """
        states, pooled = self.bert(
            input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        )[:2]
        second = (token_type_ids * attention_mask).unsqueeze(-1).to(states.dtype)
        first = attention_mask.unsqueeze(-1).to(states.dtype) - second
        features = torch.cat((pooled, HEADS[self.config.head](states, first, second)), dim=-1)
        return SequenceClassifierOutput(logits=self.classifier(self.dropout(features)))


def segment_features(states: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Mean of each text, the size of their difference, and their product.

    The features of InferSent (Conneau et al. 2017, arXiv 1705.02364), whose means were of texts
    encoded apart; here each token has seen both texts.
    """
    own, other = mean(states, first), mean(states, second)
    return torch.cat((own, other, (own - other).abs(), own * other), dim=-1)


def alignment_features(states: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """How far each token lies from what it is aligned with in the other text: mean and maximum.

    Every token is compared with the other text's tokens, weighted by a softmax of their scaled dot
    products with it: the alignment of decomposable attention (Parikh et al. 2016, arXiv 1606.01933)
    without parameters, and with ESIM's mean and maximum over the tokens (Chen et al. 2017, arXiv
    1609.06038). A reading: of ESIM's comparisons the size of the difference alone is kept. The
    maximum shows one token, such as a "not", that has no counterpart.
    """
    scores = states @ states.transpose(1, 2) * states.shape[-1] ** -0.5
    found = []
    for own, other in ((first, second), (second, first)):
        # Added to the scores: as good as minus infinity, and within half precision.
        aligned = (scores - 10000.0 * (1.0 - other.transpose(1, 2))).softmax(dim=-1) @ states
        gaps = (states - aligned).abs() * own
        found += [mean(gaps, own), gaps.amax(dim=1)]
    return torch.cat(found, dim=-1)


def mean(states: Tensor, mask: Tensor) -> Tensor:
    """Average (batch, tokens, hidden) over the tokens of a mask; 0 where it has none."""
    return (states * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1.0)


HEADS: dict[str, Features] = {"segments": segment_features, "alignment": alignment_features}

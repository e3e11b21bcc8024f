"""The two-part sentence encoder, as one sentence-transformers module.

Knows nothing of the rest of the project: this file and three that it uses are copied into every
model folder, so that `SentenceTransformer(folder, trust_remote_code=True)` loads it anywhere.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from sentence_transformers.base.modules import InputModule
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer, BertConfig
from transformers.models.bert.modeling_bert import BertEmbeddings, BertLayer

# Relative, so that the import holds in a model folder too.
from .anchor_tokens import received_attention
from .cue_binding import CueBinding
from .exclusion_gate import ExclusionGate

FILES = ("two_part.py", "anchor_tokens.py", "cue_binding.py", "exclusion_gate.py")
POOLINGS = ("mean", "anchor-tokens")


class TwoPartEncoder(InputModule):
    """Text to `[sqrt(1-w) g ; sqrt(w) p]`, both parts and the whole of unit length.

    The general part *g* is what the base encoder gives; the polarity part *p* has upper layers of
    its own over the layers the two share. The dot product of two vectors is therefore
    `(1-w) cos(g, g') + w cos(p, p')`, and another weight needs a rescaling of the stored numbers
    only, not another forward pass.

    Args:
        bert: Configuration of the base encoder.
        tokenizer: Its tokenizer.
        shared_layers: How many lower layers both parts run through.
        polarity_dimensions: Width of *p*; under the hidden size, a projection is learnt.
        negation_weight: The weight *w*, between 0 and 1.
        max_seq_length: Longest input in tokens, special tokens included.
        pooling: How *p* pools its tokens: "mean", or "anchor-tokens", by the attention that each
            receives in the last layer (`received_attention`).
        cue_phrases: Phrases that *p* binds to the word after them (`CueBinding`), where its own
            layers begin: *g* does not change by it.
        exclusion_weight: The weight of a text that excludes something, over *w* and under 1: a gate
            over both parts leads each text's own weight from *w* to this one (`ExclusionGate`).
            None for the same weight of all texts, without a gate.
        exclusion_turn: How far the gate turns *p* of such a text, in lengths of *p*; 0 for not at
            all.
    """

    config_file_name = "two_part_config.json"
    config_keys = [  # noqa: RUF012 - declared so by the parent class
        "general_dimensions",
        "polarity_dimensions",
        "negation_weight",
        "shared_layers",
        "max_seq_length",
        "pooling",
        "cue_phrases",
        "exclusion_weight",
        "exclusion_turn",
    ]

    def __init__(
        self,
        bert: BertConfig,
        tokenizer: Any,
        *,
        shared_layers: int,
        polarity_dimensions: int,
        negation_weight: float,
        max_seq_length: int,
        pooling: str = "mean",
        cue_phrases: Sequence[str] = (),
        exclusion_weight: float | None = None,
        exclusion_turn: float = 0.0,
    ) -> None:
        super().__init__()
        if not 0 <= shared_layers < bert.num_hidden_layers:
            raise ValueError(f"shared_layers must be 0 to {bert.num_hidden_layers - 1}")
        if not 1 <= polarity_dimensions <= bert.hidden_size:
            raise ValueError(f"polarity_dimensions must be 1 to {bert.hidden_size}")
        if not 0.0 < negation_weight < 1.0:
            raise ValueError("negation_weight must lie between 0 and 1")
        if pooling not in POOLINGS:
            raise ValueError(f"pooling must be one of {', '.join(POOLINGS)}")
        self.bert, self.tokenizer = bert, tokenizer
        self.shared_layers = shared_layers
        self.general_dimensions: int = bert.hidden_size
        self.polarity_dimensions = polarity_dimensions
        self.negation_weight = negation_weight
        self.max_seq_length = max_seq_length
        self.pooling = pooling
        self.bind_cues(cue_phrases)
        own = bert.num_hidden_layers - shared_layers
        self.embeddings = BertEmbeddings(bert)
        self.shared = nn.ModuleList(BertLayer(bert) for _ in range(shared_layers))
        self.general = nn.ModuleList(BertLayer(bert) for _ in range(own))
        self.polarity = nn.ModuleList(BertLayer(bert) for _ in range(own))
        self.projection = (
            nn.Identity()
            if polarity_dimensions == bert.hidden_size
            else nn.Linear(bert.hidden_size, polarity_dimensions, bias=False)
        )
        self.gate_exclusions(exclusion_weight, exclusion_turn)

    @classmethod
    def from_base(cls, path: str, **settings: Any) -> TwoPartEncoder:
        """Start from a BERT encoder: *p* begins as a copy of *g*, which stays frozen.

        Args:
            path: Folder or hub id of the base encoder.
            **settings: The keyword arguments of the class.
        """
        # Dropout of attention scores keeps fused kernels from being used, and gains nothing here.
        base = AutoModel.from_pretrained(
            path, attn_implementation="sdpa", attention_probs_dropout_prob=0.0
        )
        module = cls(base.config, AutoTokenizer.from_pretrained(path), **settings)
        split = module.shared_layers
        module.embeddings = base.embeddings
        module.shared = base.encoder.layer[:split]
        module.general = base.encoder.layer[split:]
        module.polarity = deepcopy(base.encoder.layer[split:])
        if isinstance(module.projection, nn.Linear):
            nn.init.orthogonal_(module.projection.weight)
        return module.freeze_general()

    def unshare(self, shared_layers: int) -> TwoPartEncoder:
        """Share fewer lower layers: those above get a copy in *p*, and no vector changes by it.

        Raises:
            ValueError: There are not so many shared layers.
        """
        if not 0 <= shared_layers <= self.shared_layers:
            raise ValueError(f"shared_layers must be 0 to {self.shared_layers}")
        freed = self.shared[shared_layers:]
        self.general = nn.ModuleList([*freed, *self.general])
        self.polarity = nn.ModuleList([*deepcopy(freed), *self.polarity]).requires_grad_()
        self.shared = self.shared[:shared_layers]
        self.shared_layers = shared_layers
        return self.freeze_general()

    def bind_cues(self, phrases: Sequence[str]) -> None:
        """Let *p* bind these phrases, but those that the tokenizer cannot spell."""
        self.cue_phrases = list(phrases)
        spelt = [self.tokenizer(text, add_special_tokens=False)["input_ids"] for text in phrases]
        known = [ids for ids in spelt if self.tokenizer.unk_token_id not in ids]
        self.cue_binding = CueBinding(known) if known else None

    def gate_exclusions(self, exclusion_weight: float | None, exclusion_turn: float = 0.0) -> None:
        """Put a closed gate before the texts' weights, or, for None, do without one.

        Raises:
            ValueError: The weight does not lie between the negation weight and 1, or the turn is
                under 0, over 1, or has no gate.
        """
        if exclusion_weight is not None and not self.negation_weight < exclusion_weight < 1.0:
            raise ValueError(
                f"exclusion_weight must lie between negation_weight, {self.negation_weight}, and 1"
            )
        if not 0.0 <= exclusion_turn <= 1.0:
            raise ValueError("exclusion_turn must lie between 0 and 1")
        if exclusion_turn and exclusion_weight is None:
            raise ValueError("exclusion_turn is for an encoder with an exclusion_weight")
        self.exclusion_weight, self.exclusion_turn = exclusion_weight, exclusion_turn
        self.gate = (
            None
            if exclusion_weight is None
            else ExclusionGate(
                self.general_dimensions, self.polarity_dimensions, exclusion_weight, exclusion_turn
            )
        )

    def freeze_general(self, frozen: bool = True) -> TwoPartEncoder:
        """Exclude the layers that *g* runs through from training; word embeddings never learn."""
        self.embeddings.requires_grad_(False)
        for part in (self.shared, self.general):
            part.requires_grad_(not frozen)
        return self

    def train(self, mode: bool = True) -> TwoPartEncoder:
        """Switch training mode for *p* alone: dropout would make the frozen *g* noisy."""
        super().train(mode)
        for part in (self.embeddings, self.shared, self.general):
            part.eval()
        return self

    def forward(self, features: dict[str, Tensor], **_: Any) -> dict[str, Tensor]:
        """Add `general`, `polarity` and `sentence_embedding`, each (batch, dimensions).

        Args:
            features: `input_ids` and `attention_mask`, both (batch, tokens), and optionally
                `token_type_ids`.
        """
        mask = features["attention_mask"]
        hidden = self.embeddings(features["input_ids"], features.get("token_type_ids"))
        # Added to the attention scores: as good as minus infinity, and within half precision.
        bias = (1.0 - mask[:, None, None, :].to(hidden.dtype)) * -10000.0
        for layer in self.shared:
            hidden = layer(hidden, bias)[0]
        general = mean_pool(run(self.general, hidden, bias), mask)
        if self.cue_binding is not None:
            hidden = self.cue_binding(hidden, features["input_ids"], mask)
        polarity = self.projection(self.pool_polarity(hidden, bias, mask))
        general = nn.functional.normalize(general.float(), dim=-1)
        polarity = nn.functional.normalize(polarity.float(), dim=-1)
        weight: Tensor | float = self.negation_weight
        # The losses ask for *p* as its layers give it: a gate is fitted to what they have learnt.
        if self.gate is not None and not self.training:
            opened = self.gate.opened(general, polarity)
            polarity = self.gate.turned(general, polarity, opened)
            weight = self.gate.weights(opened, self.negation_weight)
        features["general"], features["polarity"] = general, polarity
        features["sentence_embedding"] = torch.cat(
            (general * (1 - weight) ** 0.5, polarity * weight**0.5), dim=-1
        )
        return features

    def pool_polarity(self, hidden: Tensor, bias: Tensor, mask: Tensor) -> Tensor:
        """Run the layers of *p* and pool the tokens, (batch, hidden)."""
        *lower, last = self.polarity
        hidden = run(lower, hidden, bias)
        attended = self.pooling == "anchor-tokens"
        weights = received_attention(last, hidden, bias, mask) if attended else mask
        return mean_pool(run([last], hidden, bias), weights)

    def preprocess(
        self, inputs: list[str], prompt: str | None = None, **_: Any
    ) -> dict[str, Tensor]:
        """Tokenise texts to a padded batch."""
        texts = [prompt + text for text in inputs] if prompt else list(inputs)
        return dict(
            self.tokenizer(
                texts,
                padding=True,
                truncation=True,
                max_length=self.max_seq_length,
                return_tensors="pt",
            )
        )

    def get_embedding_dimension(self) -> int:
        """Width of the served vector."""
        return self.general_dimensions + self.polarity_dimensions

    def save(self, output_path: str, *args: Any, **kwargs: Any) -> None:
        """Write configuration, tokenizer, weights and the code into a folder."""
        self.save_config(output_path)
        self.bert.save_pretrained(output_path)
        self.save_tokenizer(output_path)
        self.save_torch_weights(output_path, safe_serialization=True)
        for name in FILES:
            source, target = Path(__file__).with_name(name), Path(output_path) / name
            if target.resolve() != source.resolve():
                shutil.copy(source, target)

    @classmethod
    def load(cls, model_name_or_path: str, **kwargs: Any) -> TwoPartEncoder:
        """Read a folder that `save` wrote; half-precision weights are widened to float32."""
        paths = ("subfolder", "token", "cache_folder", "revision", "local_files_only")
        where = {name: kwargs[name] for name in paths if name in kwargs}
        config = cls.load_config(model_name_or_path, **where)
        config.pop("general_dimensions")
        attention = (kwargs.get("model_kwargs") or {}).get("attn_implementation", "sdpa")
        bert = BertConfig.from_pretrained(model_name_or_path, attn_implementation=attention)
        module = cls(bert, AutoTokenizer.from_pretrained(model_name_or_path), **config)
        cls.load_torch_weights(model_name_or_path, model=module, **where)
        return module.freeze_general()


def run(layers: Iterable[nn.Module], hidden: Tensor, bias: Tensor) -> Tensor:
    """Run (batch, tokens, hidden) through a stack of layers."""
    for layer in layers:
        hidden = layer(hidden, bias)[0]
    return hidden


def mean_pool(hidden: Tensor, weights: Tensor) -> Tensor:
    """Average (batch, tokens, hidden), each token with its weight; the mask weighs all alike."""
    weights = weights.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1e-9)

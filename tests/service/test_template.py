"""Special tokens by a template that was learned, beside those that the tokenizer puts in itself."""

from __future__ import annotations

import pytest
from tiny_models import SPECIAL, build_tokenizer
from tokenizers import Tokenizer, processors

from service.template import Template

NUMBERS = [(name, number) for number, name in enumerate(SPECIAL)]
TEXTS = ["no", "a hotel without a pool", "unheard-of", "the drug works ."]


def template_of(single: str, pair: str) -> processors.PostProcessor:
    return processors.TemplateProcessing(single=single, pair=pair, special_tokens=NUMBERS)


PROCESSORS = {
    "BERT": template_of("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1"),
    "RoBERTa": processors.RobertaProcessing(("[SEP]", 3), ("[CLS]", 2)),
    "only an end": template_of("$A [SEP]", "$A [SEP] $B [SEP]"),
    "types that start at 1": template_of("[CLS]:1 $A:1 [SEP]:1", "[CLS]:1 $A:1 [SEP]:1 $B [SEP]"),
    "nothing": None,
}


def tokenizer_with(processor: processors.PostProcessor | None) -> Tokenizer:
    tokenizer = build_tokenizer()
    tokenizer.no_truncation()
    tokenizer.no_padding()
    if processor is not None:
        tokenizer.post_processor = processor
    return tokenizer


@pytest.mark.parametrize("pair", [False, True])
@pytest.mark.parametrize("name", PROCESSORS)
def test_a_template_gives_what_the_tokenizer_gives(name: str, pair: bool) -> None:
    tokenizer = tokenizer_with(PROCESSORS[name])
    template = Template.learn(tokenizer, pair=pair)
    assert template is not None
    for first, second in zip(TEXTS, TEXTS[::-1], strict=True):
        texts = (first, second) if pair else (first,)
        whole = tokenizer.encode(*texts)
        sides = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
        ids, types = template.fill(sides)
        assert (ids.tolist(), types.tolist()) == (whole.ids, whole.type_ids)


def test_texts_in_another_order_have_no_template() -> None:
    tokenizer = tokenizer_with(template_of("$A", "$B:1 [SEP] $A"))
    assert Template.learn(tokenizer, pair=False) is not None
    assert Template.learn(tokenizer, pair=True) is None


def test_types_that_change_within_the_special_tokens_have_no_template() -> None:
    tokenizer = tokenizer_with(template_of("$A [SEP]:0 [SEP]:1", "$A $B"))
    assert Template.learn(tokenizer, pair=False) is None

"""What each of the processes that torchrun starts does in the tests: train, and look at gradients.

Takes the folder of a small corpus and pickled experiments.
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import torch
from torch import nn
from torch.distributed import all_reduce, destroy_process_group, get_rank, get_world_size
from torch.nn.parallel import DistributedDataParallel

from training import corpus, rows, train
from training.config import ExperimentConfig

OWN_ROWS = 2


def gradients(loss: nn.Module, columns: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Gradients by the names that the weights have without other processes."""
    # The same dropout each time.
    torch.manual_seed(get_rank())
    loss.zero_grad()
    loss([dict(column) for column in columns], None).backward()
    return {
        name.replace("model.module.", "model."): weight.grad.clone()
        for name, weight in loss.named_parameters()
        if weight.grad is not None
    }


def compare_gradients(config: ExperimentConfig) -> None:
    """Each process has rows of its own; all get the mean of what each would learn alone."""
    torch.manual_seed(0)
    model = train.build_model(config)
    for weight in model.parameters():
        # An adapter that still changes nothing would have half of its gradients zero.
        if weight.requires_grad:
            nn.init.normal_(weight, std=0.1)
    model.train()
    first = get_rank() * OWN_ROWS
    own = rows.draw("groups", OWN_ROWS * get_world_size(), seed=1)[first : first + OWN_ROWS]
    columns = [model.preprocess([row[name] for row in own]) for name in own[0]]
    loss = train.build_losses(config, model, ["groups"])["groups"]
    alone = gradients(loss, columns)
    # As sentence-transformers' trainer does: the processes run different numbers of passes a step,
    # by the lengths of their texts, and a pass that talks to the others would wait for ever.
    loss.model = DistributedDataParallel(model, forward_sync_buffers=False)
    together = gradients(loss, columns)
    assert alone
    assert alone.keys() == together.keys()
    differ = False
    for name, gradient in alone.items():
        mean = gradient.clone()
        all_reduce(mean)
        mean /= get_world_size()
        differ |= not torch.allclose(mean, gradient, rtol=0.1)
        torch.testing.assert_close(together[name], mean, rtol=1e-3, atol=1e-5)
    assert differ, "the processes had the same rows"


if __name__ == "__main__":
    data, *experiments = map(Path, sys.argv[1:])
    corpus.DATA = data
    torch.set_num_threads(1)
    for experiment in experiments:
        config = pickle.loads(experiment.read_bytes())
        train.main(config)
        compare_gradients(config)
    destroy_process_group()

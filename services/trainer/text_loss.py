"""The objective that soft-prompt, full, lora and the open blocks share: the answer's words."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from services.trainer.gradient import Objective
from services.trainer.job import Job


def answers_objective(job: Job, extra: int = 0) -> Objective:
    """Return the loss on the answers' tokens alone.

    Args:
        job: the rows and the network.
        extra: tokens that an adapter adds to each row.
    """
    network, template = job.network, job.template
    train, held = (
        [network.encode(template, item.query, item.answers[0]) for item in items]
        for items in (job.data.train, job.data.validation)
    )

    def loss(rows: Sequence[int]) -> tuple[torch.Tensor, int]:
        network.model.train()
        sums, counts = network.losses([train[at] for at in rows])
        return sums.sum(), int(counts.sum())

    def validation() -> float:
        network.model.eval()
        losses = network.mean_losses(held)
        weights = [len(each.answer) for each in held]
        return sum(a * b for a, b in zip(losses, weights, strict=True)) / sum(weights)

    return Objective([len(each) + extra for each in train], loss, validation if held else None)

"""Tuning by a PEFT adapter: the base model's weights are not touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from peft import get_peft_model

from services.trainer.gradient import GradientSettings, Learner
from services.trainer.job import Job, Tuned
from services.trainer.text_loss import answers_objective
from shared.answering.network import Network
from shared.errors import ConfigurationInvalid


def tune_adapter(
    job: Job,
    config: Any,
    settings: GradientSettings,
    extra: int = 0,
    begin: Callable[[Network], None] | None = None,
) -> Tuned:
    """Put an adapter around the model, train it and save its folder.

    Args:
        job: the job.
        config: PEFT's; its task type is set here.
        settings: of the training.
        extra: virtual tokens it adds to each row.
        begin: sets the adapter's first values, where PEFT's own will not do.

    Raises:
        ConfigurationInvalid: PEFT cannot put such an adapter on the model.
    """
    network = job.network
    total = network.model.num_parameters()
    config.task_type = "SEQ_2_SEQ_LM" if network.kind == "seq2seq" else "CAUSAL_LM"
    torch.manual_seed(job.seed)
    try:
        network.wrap(get_peft_model(network.model, config))
    except ValueError as error:
        raise ConfigurationInvalid(
            f"No such adapter can be put on {job.model}: {error}",
            "The setting `targets` names layers of the model.",
        ) from error
    for loaded in network.model.peft_config.values():
        loaded.base_model_name_or_path = job.model
    if begin is not None:
        begin(network)
    named = {n: p for n, p in network.model.named_parameters() if p.requires_grad}
    tuned = Learner(job, named, settings).learn(answers_objective(job, extra))
    network.model.save_pretrained(job.artifact_folder, save_embedding_layers=False)
    job.save("adapter")
    return replace(tuned, total=total + tuned.trainable)

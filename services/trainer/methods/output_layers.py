"""Fine-tuning of the output layers: the body frozen, its hidden states computed once.

Labelled data gets a new layer from the last token's state to the labels; question answering gets
an output layer of its own in the place of the one shared with the embeddings. With `blocks` above
0 the last blocks are trained too, and then the body has to run at every step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from pydantic import Field
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy

from services.trainer.gradient import GradientSettings, Learner, Objective
from services.trainer.job import Job, Tuned
from services.trainer.text_loss import answers_objective
from shared.answering import features
from shared.answering.heads import Linear
from shared.answering.local import TENSORS_FILE, untie
from shared.answering.network import BATCH_TOKENS, Encoded, Network, batches


class OutputLayersSettings(GradientSettings):
    """Settings of tuning the output layers.

    Attributes:
        blocks: how many of the last transformer blocks are trained as well.
        cached: whether hidden states are kept when only the head is trained; False is for
            measuring what that saves.
    """

    epochs: int = Field(default=20, ge=1)
    batch_size: int = Field(default=32, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    blocks: int = Field(default=0, ge=0)
    cached: bool = True


class OutputLayers:
    """Trains a new output layer, and the last blocks if asked to."""

    settings = OutputLayersSettings
    words_only = False
    labels_only = False

    def __init__(self, settings: OutputLayersSettings) -> None:
        self._settings = settings

    def tune(self, job: Job) -> Tuned:
        """Train and save the head, or the parameters that were trained."""
        job.network.model.requires_grad_(requires_grad=False)
        blocks = _last_blocks(job.network, self._settings.blocks)
        tuned = self._labels(job, blocks) if job.task.labels else self._answers(job, blocks)
        return replace(
            tuned,
            total=job.network.model.num_parameters()
            + (tuned.trainable if job.task.labels and not blocks else 0),
        )

    def _labels(self, job: Job, blocks: dict[str, torch.nn.Parameter]) -> Tuned:
        network, labels = job.network, job.task.labels
        rows = [network.encode(job.template, item.query) for item in job.data.train]
        held = [network.encode(job.template, item.query) for item in job.data.validation]
        wanted, held_wanted = (
            torch.tensor([labels.index(item.answers[0]) for item in items], device=network.device)
            for items in (job.data.train, job.data.validation)
        )
        job.progress("training", 0, len(rows))
        first = _last_states(network, rows)
        mean, scale = first.mean(0), first.std(0) + 1e-6
        torch.manual_seed(job.seed)
        head = torch.nn.Linear(first.shape[1], len(labels)).to(network.device)
        states = _reader(network, rows, first, self._settings, blocks)
        held_states = _reader(network, held, None, self._settings, blocks)

        def loss(at: Sequence[int]) -> tuple[torch.Tensor, int]:
            scores = head((states(at) - mean) / scale)
            return cross_entropy(scores, wanted[list(at)], reduction="sum"), len(at)

        def validation() -> float:
            with torch.no_grad():
                scores = head((held_states(range(len(held))) - mean) / scale)
                return float(cross_entropy(scores, held_wanted))

        named = {f"head.{n}": p for n, p in head.named_parameters()} | blocks
        sizes = [len(row) if blocks or not self._settings.cached else 1 for row in rows]
        tuned = Learner(job, named, self._settings).learn(
            Objective(sizes, loss, validation if held else None)
        )
        linear = Linear(
            *(
                np.asarray(each.detach().cpu().numpy(), np.float32)
                for each in (head.weight, head.bias, mean, scale)
            )
        )
        linear.save(job.artifact_folder)
        self._save_tensors(job, blocks)
        job.save("label-head", details={"layer": -1, "pooling": "last"})
        return tuned

    def _answers(self, job: Job, blocks: dict[str, torch.nn.Parameter]) -> Tuned:
        network = job.network
        head = network.model.get_output_embeddings()
        name = next(n for n, p in network.model.named_modules() if p is head) + ".weight"
        untie(network, {name})
        head.weight.requires_grad_(requires_grad=True)
        named = {name: head.weight} | blocks
        if blocks or not self._settings.cached:
            objective = answers_objective(job)
        else:
            objective = _cached_answers(job)
        own = self._settings
        if "epochs" not in own.model_fields_set:
            own = own.model_copy(update={"epochs": 5 if not blocks else 2})
        if "learning_rate" not in own.model_fields_set:
            own = own.model_copy(update={"learning_rate": 1e-4})
        tuned = Learner(job, named, own).learn(objective)
        self._save_tensors(job, named)
        job.save("tensors")
        return tuned

    @staticmethod
    def _save_tensors(job: Job, named: dict[str, torch.nn.Parameter]) -> None:
        if named:
            job.artifact_folder.mkdir(parents=True, exist_ok=True)
            tensors = {n: p.detach().cpu().contiguous() for n, p in named.items()}
            save_file(tensors, job.artifact_folder / TENSORS_FILE)


def _last_blocks(network: Network, count: int) -> dict[str, torch.nn.Parameter]:
    """Make the parameters of the last blocks trainable and return them by name."""
    model = network.model
    lists = [m for m in model.modules() if isinstance(m, torch.nn.ModuleList)]
    stack = max(lists, key=lambda each: sum(p.numel() for p in each.parameters()))
    opened = {id(p) for block in list(stack)[len(stack) - count :] for p in block.parameters()}
    named = {n: p for n, p in model.named_parameters() if id(p) in opened}
    for parameter in named.values():
        parameter.requires_grad_(requires_grad=True)
    return named


def _last_states(network: Network, rows: Sequence[Encoded]) -> torch.Tensor:
    states = torch.stack([each[-1] for each in features.hidden_states(network, rows, -1)])
    return states.to(network.device)


def _reader(
    network: Network,
    rows: Sequence[Encoded],
    first: torch.Tensor | None,
    settings: OutputLayersSettings,
    blocks: dict[str, torch.nn.Parameter],
) -> Callable[[Sequence[int]], torch.Tensor]:
    """Return a function from row numbers to last states: kept ones, or computed anew."""
    if not blocks and settings.cached:
        kept = first if first is not None or not rows else _last_states(network, rows)
        return lambda at: kept[list(at)]  # type: ignore[index]
    body = network.model.get_encoder() if network.kind == "seq2seq" else network.model.base_model

    def run(at: Sequence[int]) -> torch.Tensor:
        ids, mask = network.padded([rows[each].prompt for each in at])
        states = body(input_ids=ids, attention_mask=mask).last_hidden_state
        picked: torch.Tensor = states[torch.arange(len(ids)), mask.sum(1) - 1]
        return picked

    return run


def _cached_answers(job: Job) -> Objective:
    """Return the loss of an output layer over states that are computed once."""
    network = job.network
    head = network.model.get_output_embeddings()
    train, wanted = _answer_states(job, job.data.train)
    held, held_wanted = _answer_states(job, job.data.validation)

    def loss(rows: Sequence[int]) -> tuple[torch.Tensor, int]:
        states = torch.cat([train[at] for at in rows])
        tokens = torch.cat([wanted[at] for at in rows])
        return cross_entropy(head(states), tokens, reduction="sum"), len(tokens)

    def validation() -> float:
        with torch.no_grad():
            return float(cross_entropy(head(torch.cat(held)), torch.cat(held_wanted)))

    sizes = [len(each) for each in wanted]
    return Objective(sizes, loss, validation if held else None)


def _answer_states(
    job: Job, items: Sequence[object]
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Return, for each item, what its output layer sees at the answer's places, and the tokens."""
    network = job.network
    encoded = [network.encode(job.template, i.query, i.answers[0]) for i in items]  # type: ignore[attr-defined]
    states: list[torch.Tensor] = [torch.empty(0)] * len(encoded)
    seen: list[torch.Tensor] = []
    head = network.model.get_output_embeddings()
    handle = head.register_forward_hook(lambda _m, inputs, _o: seen.append(inputs[0][0].float()))
    try:
        with torch.no_grad():
            for indices in batches(encoded, BATCH_TOKENS):
                job.progress("training", len(seen), len(encoded))
                batch = [encoded[at] for at in indices]
                network.losses(batch)
                parts = seen.pop().split([len(each.answer) for each in batch])
                for at, part in zip(indices, parts, strict=True):
                    states[at] = part.clone()
    finally:
        handle.remove()
    return states, [torch.tensor(each.answer, device=network.device) for each in encoded]

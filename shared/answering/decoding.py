"""Greedy decoding of a batch, with whatever stands in front of the prompts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import torch

from shared.answering.template import Template

if TYPE_CHECKING:
    from shared.answering.network import Network


def decode(
    network: Network, prompts: Sequence[tuple[int, ...]], template: Template
) -> list[list[int]]:
    """Return the new tokens of each prompt, up to what ends the answer.

    Virtual tokens are put right before each prompt, as in training: PEFT's own generation would
    leave the padding between the two. A trained prefix (keys and values) can only stand at the
    very front, so those prompts run with others of their length, without padding.
    """
    ends = [network.end]
    if template.stop:
        stop = network.tokenizer(template.stop, add_special_tokens=False)["input_ids"]
        ends += stop if len(stop) == 1 and not template.chat else []
    options: dict[str, Any] = {
        "max_new_tokens": template.max_new_tokens,
        "do_sample": False,
        "num_beams": 1,
        "eos_token_id": ends,
        "pad_token_id": network.padding,
        "begin_suppress_tokens": ends,  # an answer is not empty
    }
    kind = _virtual(network.model)
    if network.kind == "seq2seq":
        ids, mask = network.padded(prompts)
        rows = network.model.generate(input_ids=ids, attention_mask=mask, **options)[:, 1:]
        return [_until(row, ends) for row in rows.tolist()]
    if kind == "prefix":
        return _by_length(network, prompts, options)
    ids, mask = network.padded(prompts, left=True)
    if kind == "tokens":
        rows = _after_virtual(network, prompts, options)
    else:
        rows = network.model.generate(input_ids=ids, attention_mask=mask, **options)
        rows = rows[:, ids.shape[1] :]
    return [_until(row, ends) for row in rows.tolist()]


def _virtual(model: Any) -> str:
    config = getattr(model, "active_peft_config", None)
    if config is None or not config.is_prompt_learning:
        return ""
    return "prefix" if config.peft_type == "PREFIX_TUNING" else "tokens"


def _after_virtual(
    network: Network, prompts: Sequence[tuple[int, ...]], options: dict[str, Any]
) -> torch.Tensor:
    base = network.model.get_base_model()
    virtual = network.model.get_prompt(batch_size=1)[0]
    embed = base.get_input_embeddings()
    longest = max(map(len, prompts)) + len(virtual)
    embeds = torch.zeros(len(prompts), longest, virtual.shape[1], device=network.device)
    mask = torch.zeros(len(prompts), longest, dtype=torch.long, device=network.device)
    for at, prompt in enumerate(prompts):
        words = embed(torch.tensor(prompt, device=network.device))
        row = torch.cat([virtual.to(words.dtype), words])
        embeds[at, longest - len(row) :] = row
        mask[at, longest - len(row) :] = 1
    new: torch.Tensor = base.generate(inputs_embeds=embeds, attention_mask=mask, **options)
    return new


def _by_length(
    network: Network, prompts: Sequence[tuple[int, ...]], options: dict[str, Any]
) -> list[list[int]]:
    found: list[list[int]] = [[] for _ in prompts]
    order = sorted(range(len(prompts)), key=lambda at: len(prompts[at]))
    for length, group in groupby(order, key=lambda at: len(prompts[at])):
        indices = list(group)
        ids, mask = network.padded([prompts[at] for at in indices])
        rows = network.model.generate(input_ids=ids, attention_mask=mask, **options)
        for at, row in zip(indices, rows[:, length:].tolist(), strict=True):
            found[at] = _until(row, options["eos_token_id"])
    return found


def _until(row: list[int], ends: Sequence[int]) -> list[int]:
    return row[: next((at for at, token in enumerate(row) if token in ends), len(row))]

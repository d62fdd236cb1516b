"""Hidden states of a frozen model as features: of texts, and of the sentences of a context."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from shared.answering.heads import Array, sentences_of
from shared.answering.network import BATCH_TOKENS, Encoded, Network, batches
from shared.answering.port import Query
from shared.answering.template import Template


def hidden_states(network: Network, rows: Sequence[Encoded], layer: int) -> list[torch.Tensor]:
    """Return the states after `layer` for each row's prompt: shape (tokens, width), float32.

    Args:
        network: the model; of a seq2seq model the encoder is read.
        rows: the prompts.
        layer: 0 is the embeddings, -1 the last one, after its norm.
    """
    body = network.model.get_encoder() if network.kind == "seq2seq" else network.model.base_model
    found: list[torch.Tensor] = [torch.empty(0)] * len(rows)
    with torch.inference_mode():
        for indices in batches(rows, BATCH_TOKENS):
            ids, mask = network.padded([rows[at].prompt for at in indices])
            options: dict[str, Any] = {} if network.kind == "seq2seq" else {"use_cache": False}
            states = body(
                input_ids=ids, attention_mask=mask, output_hidden_states=layer != -1, **options
            )
            chosen = states.last_hidden_state if layer == -1 else states.hidden_states[layer]
            for at, row in zip(indices, chosen.float().cpu(), strict=True):
                found[at] = row[: len(rows[at].prompt)].clone()
    return found


def of_texts(
    network: Network, template: Template, queries: Sequence[Query], layer: int, pooling: str
) -> Array:
    """Return one row of features for each query: shape (n, width).

    Args:
        network: the model.
        template: how the text is put to it.
        queries: the texts.
        layer: which layer's states.
        pooling: `last` for the state of the last token, `mean` for the mean of all, `both`.
    """
    states = hidden_states(network, [network.encode(template, each) for each in queries], layer)
    last = torch.stack([each[-1] for each in states])
    mean = torch.stack([each.mean(0) for each in states])
    chosen = {"last": last, "mean": mean, "both": torch.cat([last, mean], dim=1)}[pooling]
    return np.asarray(chosen.numpy(), dtype=np.float32)


def of_sentences(
    network: Network, queries: Sequence[Query], layer: int
) -> tuple[list[str], Array, np.ndarray[Any, np.dtype[np.int64]]]:
    """Return the sentences of all contexts, their features, and which query each is of.

    The question is read first, so that the states of the passage's words have seen it. A
    sentence's features are its mean state, and that times the question's mean state: shape
    (sentences, 2 x width).
    """
    rows, places, texts, owners = [], [], [], []
    for at, query in enumerate(queries):
        encoded, spans = _tokens(network, query)
        rows.append(encoded)
        places.append(spans)
        for start, end in sentences_of(query.context):
            texts.append(query.context[start:end])
            owners.append(at)
    found = []
    for states, spans in zip(hidden_states(network, rows, layer), places, strict=True):
        asked = states[: spans[0][0]].mean(0)
        for start, end in spans:
            kept = states[start:end] if end > start and start < len(states) else states[-1:]
            said = kept.mean(0)
            found.append(torch.cat([said, said * asked]))
    return texts, np.asarray(torch.stack(found).numpy(), dtype=np.float32), np.array(owners)


def _tokens(network: Network, query: Query) -> tuple[Encoded, list[tuple[int, int]]]:
    """Return the question and the context as tokens, and each sentence's tokens (start, end)."""
    asked = list(network.tokenizer(f"Question: {query.question}\nPassage:")["input_ids"])
    ids, spans = asked, []
    for start, end in sentences_of(query.context):
        words = network.tokenizer(f" {query.context[start:end]}", add_special_tokens=False)
        spans.append((len(ids), len(ids) + len(words["input_ids"])))
        ids = ids + list(words["input_ids"])
    if len(ids) > network.context:
        network.shortened += 1
    return Encoded(tuple(ids[: network.context])), spans

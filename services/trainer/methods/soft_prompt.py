"""Soft prompt tuning: trained virtual tokens before the prompt, no weight of the model changed."""

from __future__ import annotations

from typing import Any, Literal

import torch
from peft import PrefixTuningConfig, PromptEncoderConfig, PromptTuningConfig
from pydantic import Field

from services.trainer.adapters import tune_adapter
from services.trainer.gradient import GradientSettings
from services.trainer.job import Job, Tuned
from shared.answering.network import Network

# Virtual tokens go before what is read; of a seq2seq model the decoder gets none.
_READER_ONLY = {"num_transformer_submodules": 1}


class SoftPromptSettings(GradientSettings):
    """Settings of soft prompt tuning.

    Attributes:
        variant: `prompt` (virtual tokens), `p-tuning` (the same, written by a small network) or
            `prefix` (trained keys and values in every layer).
        tokens: how many virtual tokens.
        text: what the tokens start from (`prompt` only); the instruction where it is empty.
    """

    epochs: int = Field(default=3, ge=1)
    learning_rate: float = Field(default=3e-2, gt=0)
    variant: Literal["prompt", "p-tuning", "prefix"] = "prompt"
    tokens: int = Field(default=16, ge=1)
    text: str = ""


class SoftPrompt:
    """Trains virtual tokens with PEFT."""

    settings = SoftPromptSettings
    words_only = False
    labels_only = False

    def __init__(self, settings: SoftPromptSettings) -> None:
        self._settings = settings

    def tune(self, job: Job) -> Tuned:
        """Train and save the adapter folder."""
        own = self._settings
        extra = 0 if own.variant == "prefix" else own.tokens
        begin = None
        if own.variant == "prompt":
            words = own.text or job.template.instruction

            def begin(network: Network) -> None:
                _start_from(network, words, own.tokens)

        return tune_adapter(job, self._config(job), own, extra, begin)

    def _config(self, job: Job) -> Any:
        own = self._settings
        if own.variant == "prefix":
            return PrefixTuningConfig(num_virtual_tokens=own.tokens)
        if own.variant == "p-tuning":
            width = job.network.model.config.hidden_size
            return PromptEncoderConfig(
                num_virtual_tokens=own.tokens, encoder_hidden_size=width, **_READER_ONLY
            )
        return PromptTuningConfig(num_virtual_tokens=own.tokens, **_READER_ONLY)


def _start_from(network: Network, text: str, tokens: int) -> None:
    """Set the virtual tokens to the embeddings of the text's tokens, repeated as needed.

    PEFT would do it, with a tokenizer that it loads by the base model's name: ours may be a file.
    """
    ids = network.tokenizer(text, add_special_tokens=False)["input_ids"]
    filled = torch.tensor([ids[at % len(ids)] for at in range(tokens)], device=network.device)
    with torch.no_grad():
        words = network.model.get_base_model().get_input_embeddings()(filled)
        network.model.prompt_encoder["default"].embedding.weight.copy_(words)

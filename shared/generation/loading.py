"""Weights into transformers: what both engines do with a model before they part ways."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.errors import ModelUnsupported
from shared.generation.port import Kind
from shared.generation.references import Weights

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

_LONGEST_WITHOUT_LIMIT = 512  # T5 has no fixed context and was trained on this many


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model and its tokenizer, in float32, on the CPU."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    kind: Kind
    context: int


def kind_of(weights: Weights) -> Kind:
    """Return whether the weights are a causal or a seq2seq model, by their config alone."""
    if weights.gguf_file:
        return "causal"
    config = json.loads((weights.folder / "config.json").read_text(encoding="utf-8"))
    return "seq2seq" if config.get("is_encoder_decoder") else "causal"


def context_of(config: dict[str, Any]) -> int:
    """Return the longest prompt with its answer, in tokens, that a config allows."""
    for name in ("max_position_embeddings", "n_positions", "n_ctx"):
        if isinstance(config.get(name), int):
            return int(config[name])
    return _LONGEST_WITHOUT_LIMIT


def load(weights: Weights) -> Loaded:
    """Load a model in float32.

    Raises:
        ModelUnsupported: transformers cannot read it.
    """
    from transformers import AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()  # a service's output is its log
    kind = kind_of(weights)
    try:
        model = _from_gguf(weights) if weights.gguf_file else _from_safetensors(weights, kind)
        named = {"gguf_file": weights.gguf_file} if weights.gguf_file else {}
        tokenizer = AutoTokenizer.from_pretrained(weights.folder, **named)
        if weights.adapter is not None:
            model = _merged(model, weights.adapter)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise ModelUnsupported(
            f"The model at {weights.path} cannot be loaded: {error}",
            "It must be a causal or seq2seq model that transformers knows, in safetensors or GGUF.",
        ) from error
    return Loaded(model.eval(), tokenizer, kind, context_of(model.config.to_dict()))


def _merged(model: Any, adapter: Path) -> Any:
    """Return the model with a PEFT adapter added into its weights."""
    from peft import PeftModel

    # PEFT asks transformers for something in the old way, which is nothing to a service's user.
    warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
    return PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()


def _from_safetensors(weights: Weights, kind: Kind) -> Any:
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    auto = AutoModelForSeq2SeqLM if kind == "seq2seq" else AutoModelForCausalLM
    return auto.from_pretrained(weights.folder, dtype=torch.float32, use_safetensors=True)


def _from_gguf(weights: Weights) -> Any:
    # What from_pretrained(gguf_file=...) does; that one wants accelerate and does not use it here.
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

    config = AutoConfig.from_pretrained(weights.folder, gguf_file=weights.gguf_file)
    with torch.device("meta"):
        skeleton = AutoModelForCausalLM.from_config(config)
    tensors = load_gguf_checkpoint(str(weights.base), return_tensors=True, model_to_load=skeleton)
    return type(skeleton).from_pretrained(
        None, config=config, state_dict=tensors["tensors"], dtype=torch.float32
    )

"""The model card of a run: what it is, what it was made from, and what it scored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_LOADING = {
    "adapter": "It loads with PEFT: `PeftModel.from_pretrained(base_model, this_folder)`.",
    "weights": "It loads with transformers: `AutoModelForCausalLM.from_pretrained(this_folder)` "
    "(`AutoModelForSeq2SeqLM` for an encoder-decoder).",
    "tensors": "`tensors.safetensors` holds the trained parameters by the base model's names: "
    "`base_model.load_state_dict(load_file(...), strict=False)`, the output layer untied first.",
}


def write_card(folder: Path, result: dict[str, Any], kind: str) -> None:
    """Write README.md, with the metadata block that model hubs read."""
    dataset, scores = result["dataset"], result["scores"]
    data = (
        f"The data: {dataset['name']} (fingerprint {dataset['fingerprint']}), "
        f"{dataset['train']} rows to learn from, {dataset['validation']} to choose by, "
        f"{dataset['test']} to score on. Seed {result['seed']}."
    )
    effort = (
        f"{result['trainable_parameters']:,} of {result['total_parameters']:,} parameters trained "
        f"in {result['train_seconds']:.0f} s. Settings: `{result['settings']}`."
    )
    alone = " -k 0" if dataset["task"] == "classification" else ""
    ask = f'`gristmill ask "..." --run {result["run"]}{alone}`'
    lines = [
        "---",
        f"base_model: {json.dumps(result['model'])}",
        f"library_name: {'peft' if kind == 'adapter' else 'transformers'}",
        f"tags: [gristmill, {result['method']}]",
        "---",
        "",
        f"# {result['method']} on {dataset['name']}",
        "",
        f"A model for {dataset['task']}, tuned by {result['method']} from `{result['model']}`.",
        data,
        "",
        "| score | value |",
        "|---|---|",
        *(f"| {name} | {value:.4f} |" for name, value in scores.items()),
        "",
        effort,
        "",
        *(f"- {note}" for note in result["notes"]),
        "",
        f"Ask it with {ask}. {_LOADING.get(kind, '')}",
        "",
        "The licence of the base model and of the data applies.",
    ]
    (folder / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")

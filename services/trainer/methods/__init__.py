"""The tuning methods by name: an eighth is a file here and a line below.

Each entry is `module:class`, imported only when the method runs, so that this table needs no torch.
"""

from __future__ import annotations

from shared.errors import GristmillError

METHODS: dict[str, str] = {
    "untuned": "untuned:Untuned",
    "in-context": "in_context:InContext",
    "hard-prompt": "hard_prompt:HardPrompt",
    "soft-prompt": "soft_prompt:SoftPrompt",
    "feature-based": "feature_based:FeatureBased",
    "output-layers": "output_layers:OutputLayers",
    "full": "full:Full",
    "lora": "lora:Lora",
    "tf-idf": "tf_idf:TfIdf",
}


class MethodUnknown(GristmillError):
    """No method has this name."""


def check_name(name: str) -> None:
    """Raise MethodUnknown unless a method has this name."""
    if name not in METHODS:
        raise MethodUnknown(
            f"There is no tuning method {name!r}.", f"There are {', '.join(METHODS)}."
        )

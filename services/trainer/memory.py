"""How much memory a run will need, before anything is loaded."""

from __future__ import annotations

import json
from pathlib import Path

import psutil

from shared.errors import GristmillError
from shared.generation import references

_BYTES = 4  # float32
_TRAINED = {"full": 1.0, "lora": 0.04, "output-layers": 0.25}
_STATES = 4  # a trained parameter: itself, its gradient, AdamW's two moments
_BESIDES = 1.5e9  # the libraries, the embedder, one batch's activations of a small model
_WITHOUT_MODEL = {"tf-idf"}


class ModelTooLarge(GristmillError):
    """The run would not fit this machine's memory."""


def parameters_of(reference: str) -> int:
    """Return a low estimate of a local model's parameters, by the size of its files."""
    weights = references.locate(reference)
    if weights.gguf_file:
        return int(weights.base.stat().st_size * 8 / 5)  # Q4 with its scales: about 5 bits each
    files = list(weights.folder.glob("*.safetensors"))
    return sum(_parameters_in(file) for file in files)


def check(reference: str, method: str, processes: int = 1) -> None:
    """Refuse a run that cannot fit.

    Args:
        reference: of the model.
        method: how it is tuned.
        processes: how many hold the model.

    Raises:
        ModelTooLarge: with both figures.
    """
    if method in _WITHOUT_MODEL or references.endpoint(reference) is not None:
        return
    count = parameters_of(reference)
    trained = count * _TRAINED.get(method, 0.0)
    each = count * _BYTES + trained * _BYTES * (_STATES - 1) + _BESIDES
    needed = each * processes
    available = available_bytes()
    if needed > available:
        raise ModelTooLarge(
            f"{method} of {reference} ({count / 1e6:.0f} M parameters) needs about "
            f"{needed / 1e9:.1f} GB of memory and {available / 1e9:.1f} GB are free.",
            "Take a smaller model, or a method that trains less, such as lora"
            + (", or fewer processes." if processes > 1 else "."),
        )


def available_bytes() -> int:
    """Return the memory this process may still take: of the machine, or of its control group."""
    free = int(psutil.virtual_memory().available)
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if limit.is_file() and limit.read_text().strip().isdigit():
        free = min(free, int(limit.read_text()) - int(used.read_text()))
    return free


def _parameters_in(file: Path) -> int:
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        header = json.loads(opened.read(length))
    total = 0
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        size = 1
        for dimension in entry["shape"]:
            size *= dimension
        total += size
    return total

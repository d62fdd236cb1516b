"""What ended a run too early, in words, and what to do about it."""

from __future__ import annotations

import torch
from safetensors import SafetensorError

from services.trainer.job import TuningFailed
from shared.errors import GristmillError


def explained(error: Exception) -> GristmillError | None:
    """Return the error that tells a person what happened; None where it would have to be guessed.

    torch and safetensors have errors of their own for memory that ran out and disks that are full.
    """
    said = str(error)
    if isinstance(error, GristmillError):
        return error
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in said:
        return TuningFailed(
            "Memory ran out.",
            "Take a smaller model, or a method that trains less, such as lora.",
        )
    if isinstance(error, OSError) or (isinstance(error, SafetensorError) and "os error" in said):
        return TuningFailed(
            f"The run folder cannot be written: {said}.",
            "Make room on the disk (`gristmill runs delete`), then run it again.",
        )
    return None

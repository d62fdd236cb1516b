"""What a training is resumed from: parameters, the optimizer's state, and how far it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from shared.files import write_atomically

Parameters = Mapping[str, torch.nn.Parameter]


class Checkpoints:
    """The checkpoints of one run.

    Args:
        folder: where they lie.
        named: the parameters that are trained.
        optimizer: theirs.
    """

    def __init__(self, folder: Path, named: Parameters, optimizer: torch.optim.Optimizer) -> None:
        self._folder = folder
        self._named = named
        self._optimizer = optimizer

    def save(self, step: int, state: Mapping[str, Any]) -> None:
        """Write a checkpoint under a new name, then point to it: there is always a whole one."""
        folder = self._folder / f"step-{step}"
        moments = {
            f"{name}/{kind}": value.detach().cpu().contiguous()
            for name, parameter in self._named.items()
            for kind, value in self._optimizer.state[parameter].items()
        }
        _write(self._tensors(), folder / "parameters.safetensors")
        _write(moments, folder / "optimizer.safetensors")
        text = json.dumps({"folder": folder.name, **state})
        write_atomically(self._pointer, lambda partial: partial.write_text(text))
        for old in self._folder.glob("step-*"):
            if old != folder:
                shutil.rmtree(old, ignore_errors=True)

    def load(self) -> dict[str, Any] | None:
        """Put parameters and optimizer where the last checkpoint left them; returns its state."""
        if not self._pointer.is_file():
            return None
        found: dict[str, Any] = json.loads(self._pointer.read_text())
        folder = self._folder / found.pop("folder")
        self._put(load_file(folder / "parameters.safetensors"))
        moments = load_file(folder / "optimizer.safetensors")
        for name, parameter in self._named.items():
            kept = {
                key.removeprefix(f"{name}/"): value
                for key, value in moments.items()
                if key.rpartition("/")[0] == name
            }
            if kept:
                self._optimizer.state[parameter] = {
                    kind: value if kind == "step" else value.to(parameter.device)
                    for kind, value in kept.items()
                }
        return found

    def save_best(self) -> None:
        """Keep the parameters as they are, in the place of the best so far."""
        _write(self._tensors(), self._best)

    def restore_best(self) -> None:
        """Put the parameters where they were best, if that was kept."""
        if self._best.is_file():
            self._put(load_file(self._best))

    @property
    def _pointer(self) -> Path:
        return self._folder / "state.json"

    @property
    def _best(self) -> Path:
        return self._folder / "best.safetensors"

    def _tensors(self) -> dict[str, torch.Tensor]:
        return {name: p.detach().cpu().contiguous() for name, p in self._named.items()}

    def _put(self, tensors: Mapping[str, torch.Tensor]) -> None:
        with torch.no_grad():
            for name, parameter in self._named.items():
                parameter.copy_(tensors[name])


def _write(tensors: Mapping[str, torch.Tensor], file: Path) -> None:
    write_atomically(file, lambda partial: save_file(dict(tensors), partial))
